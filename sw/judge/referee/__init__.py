"""The referee: a fixed classifier of digits, which no restorer is trained with.

It was trained once, on clean, unaugmented training digits without the show digits, before any
result was tuned (``sw.judge.referee.train``), and is never trained again. ``provenance.json`` has
its checksum and its accuracy. `sw.judge.referee.second` has another one, for what two shall judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn

from golden.errors import InputError
from golden.files import read_bytes, read_json, reading
from sw.runs.ordinary import ordinary

__all__ = ["FIRST", "PROVENANCE", "WEIGHTS", "Kind", "Referee", "network"]

WEIGHTS = Path(__file__).parent / "weights.safetensors"
PROVENANCE = Path(__file__).parent / "provenance.json"
BATCH = 500


def network() -> nn.Sequential:
    """Return the untrained classifier: from images (B, 1, 28, 28), 0 to 1, to logits (B, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


@dataclass(frozen=True)
class Kind:
    """A referee that ships.

    Parameters
    ----------
    build : callable
        Returns the untrained classifier.
    seed : int
        What its training begins from.
    weights, provenance : Path
        Its files.
    command : str
        What trains it.
    """

    build: Callable[[], nn.Module]
    seed: int
    weights: Path
    provenance: Path
    command: str


FIRST = Kind(network, 1, WEIGHTS, PROVENANCE, "thalweg referee --output sw/judge/referee")
"""The one that judges all results."""


def as_input(images: np.ndarray) -> Tensor:
    """Convert images, uint8 (n, 28, 28), to the classifier's input."""
    return torch.from_numpy(images).unsqueeze(1).float() / 255.0


class Referee:
    """A classifier that returns digits and its confidences."""

    def __init__(self, classifier: nn.Module) -> None:
        self.classifier = classifier.eval()

    @classmethod
    @ordinary()
    def load(
        cls,
        path: Path = WEIGHTS,
        provenance: Path = PROVENANCE,
        classifier: nn.Module | None = None,
    ) -> Referee:
        """Read the weights; their SHA-256 must be the one on record.

        They are those of the classifier of digits unless another is given.
        """
        raw = read_bytes(path)
        with reading(provenance, "the referee's record"):
            wanted = str(read_record(provenance)["sha256"])
        found = hashlib.sha256(raw).hexdigest()
        if found != wanted:
            raise InputError(f"{path} must have the SHA-256 {wanted[:12]}…, not {found[:12]}…")
        classifier = network() if classifier is None else classifier
        with reading(path, "the referee's weights"):
            classifier.load_state_dict(load(raw))
        return cls(classifier)

    @ordinary()
    def read(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return labels int64 (n,) and confidences float32 (n,) of images uint8 (n, h, w)."""
        confidences, labels = np.zeros(len(images), np.float32), np.zeros(len(images), np.int64)
        with torch.inference_mode():
            for begin in range(0, len(images), BATCH):
                batch = slice(begin, begin + BATCH)
                odds = self.classifier(as_input(images[batch])).softmax(dim=1)
                confidence, label = odds.max(dim=1)
                confidences[batch], labels[batch] = confidence.numpy(), label.numpy()
        return labels, confidences


def read_record(path: Path = PROVENANCE) -> dict[str, Any]:
    """Return the referee's provenance: its training, accuracy and checksum."""
    record: dict[str, Any] = read_json(path)
    return record
