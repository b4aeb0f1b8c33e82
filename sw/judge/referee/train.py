"""Train a referee once: ``thalweg referee --output DIR``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from golden.errors import InputError
from golden.files import replacement, write_json
from sw.data.load import Digits
from sw.judge.referee import FIRST, Kind, Referee, as_input
from sw.runs.ordinary import ordinary
from sw.runs.terminal import console

__all__ = ["train"]

EPOCHS, BATCH, RATE = 12, 128, 2e-3


@ordinary()
def train(digits: Digits, folder: Path, kind: Kind = FIRST) -> dict[str, Any]:
    """Train a referee on the clean training digits; write weights and provenance to ``folder``."""
    if digits.test_images is None or digits.train_labels is None or digits.test_labels is None:
        raise InputError("The referee must be trained on all of MNIST; --data names its folder")
    torch.manual_seed(kind.seed)
    torch.set_num_threads(1)  # so that sums are always in the same order
    classifier = kind.build()
    fit(classifier, as_input(digits.train_images), torch.from_numpy(digits.train_labels).long())
    read, _ = Referee(classifier).read(digits.test_images)
    raw = save(classifier.state_dict())
    record = {
        "command": kind.command,
        "seed": kind.seed,
        "epochs": EPOCHS,
        "torch": torch.__version__,
        "data": digits.source,
        "data_digest": digits.digest,
        "trained_on": len(digits.train_images),
        "test_digits": len(read),
        "test_right": int(np.sum(read == digits.test_labels)),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    with replacement(folder / kind.weights.name) as path:
        path.write_bytes(raw)
    write_json(folder / kind.provenance.name, record)
    return record


def fit(classifier: nn.Module, images: Tensor, labels: Tensor, epochs: int | None = None) -> None:
    """Minimise the cross-entropy with Adam; its rate falls to 0 as a cosine.

    Of fewer images than a batch has, each batch has them all.
    """
    epochs, size = EPOCHS if epochs is None else epochs, min(BATCH, len(images))
    batches = len(images) // size
    optimiser = torch.optim.Adam(classifier.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    screen = console(stderr=True)
    classifier.train()
    for epoch in range(epochs):
        order = torch.randperm(len(images))[: batches * size].view(batches, size)
        label = f"epoch {epoch + 1} of {epochs}"
        quiet = not screen.is_terminal
        for chosen in track(order, label, console=screen, transient=True, disable=quiet):
            loss = functional.cross_entropy(classifier(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
