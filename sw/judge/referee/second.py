"""A second referee, of another shape and from another seed: it judges what noise falls into, too.

What only one classifier reads as a digit may not be one.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sw.judge.referee import Kind, Referee
from sw.judge.referee.own import SHIPPED_CLASSES, SHIPPED_SIZE, classifier

__all__ = ["SECOND", "second_referee"]

HERE = Path(__file__).parent

SECOND = Kind(
    partial(classifier, SHIPPED_SIZE, SHIPPED_CLASSES),
    2,
    HERE / "second.safetensors",
    HERE / "second.json",
    "thalweg referee --second --output sw/judge/referee",
)


def second_referee() -> Referee:
    """Read the second referee; the SHA-256 of its weights must be the one on record."""
    return Referee.load(SECOND.weights, SECOND.provenance, SECOND.build())
