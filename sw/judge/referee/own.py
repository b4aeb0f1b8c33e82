"""A referee for labels of the user's own: trained on clean training images, kept by their digest.

MNIST's digits have the shipped referee, and so has whatever it reads as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from golden.cache import cache_folder
from golden.errors import InputError
from golden.files import is_file, replacement, write_json
from sw.data.load import Digits
from sw.judge.referee import Referee, as_input
from sw.judge.referee.train import BATCH, fit
from sw.runs.ordinary import ordinary

__all__ = ["classifier", "referee_for"]

VERSION = 1
"""Raised by whoever changes the classifier or its training: kept ones are not used then."""

SEED = 1
EPOCHS, MOST_BATCHES = 60, 3000
CELLS = 7
"""Cells a side that the last features are pooled to, at most."""

SHIPPED_SIZE, SHIPPED_CLASSES = 28, 10
ENOUGH, LOOKED_AT = 0.9, 1000
"""Share of clean training images that the shipped referee must read right to judge, of so many."""


def classifier(size: int, classes: int) -> nn.Sequential:
    """Return an untrained classifier: from images (B, 1, size, size), 0 to 1, to logits."""
    cells = max(1, min(CELLS, size // 4))
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(cells),
        nn.Flatten(),
        nn.Linear(32 * cells * cells, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, classes),
    )


def referee_for(digits: Digits, say: Callable[[str], None] = lambda text: None) -> Referee:
    """Return who reads the labels of a data set: the shipped referee, or one of its own.

    That one is trained once, in two minutes at most; ``say`` tells so.
    """
    images, labels = digits.train_images, digits.train_labels
    if labels is None or not len(labels):
        raise InputError(f"A referee must have labels to learn, unlike {digits.source}")
    if digits_alike(images, labels):
        return Referee.load()
    path = kept_at(images, labels)
    network = classifier(images.shape[-1], int(labels.max()) + 1)
    if path is not None and is_file(path):
        try:
            return Referee.load(path, record_of(path), network)
        except InputError:
            pass  # damaged, or cut off: made anew
    say(f"training a referee on {len(images):,} clean images of {digits.source}")
    train(network, images, labels)
    if path is not None:
        keep(network, path)
    return Referee(network)


def digits_alike(images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the shipped referee reads these images."""
    if images.shape[1:] != (SHIPPED_SIZE, SHIPPED_SIZE) or labels.max() >= SHIPPED_CLASSES:
        return False
    some = slice(None, None, max(1, len(images) // LOOKED_AT))
    read, _ = Referee.load().read(images[some])
    return bool(np.mean(read == labels[some]) >= ENOUGH)


@ordinary()
def train(network: nn.Module, images: np.ndarray, labels: np.ndarray) -> None:
    """Train a classifier on images; repeatable, whatever the caller's seed and threads."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # so that sums are always in the same order
    try:
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()
        epochs = min(EPOCHS, max(1, MOST_BATCHES // max(1, len(images) // BATCH)))
        fit(network, as_input(images), torch.from_numpy(labels).long(), epochs)
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)


def kept_at(images: np.ndarray, labels: np.ndarray) -> Path | None:
    """Return where the referee of these images is kept; None where nothing can be."""
    sha = hashlib.sha256(f"{VERSION} {torch.__version__} {images.shape}".encode())
    for array in (images, labels):
        sha.update(np.ascontiguousarray(array).tobytes())
    try:
        return cache_folder("referees") / f"{sha.hexdigest()[:32]}.safetensors"
    except InputError:
        return None


def record_of(path: Path) -> Path:
    """Return the file that has the checksum of a referee's weights."""
    return path.with_suffix(".json")


def keep(network: nn.Module, path: Path) -> None:
    """Write a referee to the cache, where that can be written."""
    raw = save(network.state_dict())
    try:
        with replacement(path) as temporary:
            temporary.write_bytes(raw)
        write_json(record_of(path), {"sha256": hashlib.sha256(raw).hexdigest()})
    except InputError:
        pass  # it is trained again the next time
