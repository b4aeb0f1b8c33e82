"""Fixed-point arithmetic: number formats, the two rounding shifts and the clamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "BIAS",
    "GATE_BIAS",
    "GATE_HIDDEN",
    "GATE_WEIGHT",
    "HIDDEN",
    "PIXEL",
    "SHIFTS",
    "STATE",
    "UPDATE_BIAS",
    "UPDATE_SHIFTS",
    "WEIGHT",
    "Format",
    "round_shift",
    "trunc_shift",
]


@dataclass(frozen=True, kw_only=True)
class Format:
    """Integers of ``width`` bits, two's complement when ``signed``."""

    width: int
    signed: bool = True

    @property
    def min(self) -> int:
        """Smallest code."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest code."""
        return (1 << self.width - self.signed) - 1

    @property
    def codes(self) -> range:
        """All codes."""
        return range(self.min, self.max + 1)

    def clamp(self, codes: np.ndarray) -> np.ndarray:
        """Saturate ``codes`` to this format."""
        return np.clip(codes, self.min, self.max)


STATE = Format(width=8)
HIDDEN = Format(width=8, signed=False)
PIXEL = Format(width=8, signed=False)
WEIGHT = Format(width=8)
BIAS = Format(width=20)  # encode, perceive, read-out
UPDATE_BIAS = Format(width=24)
SHIFTS = range(16)  # encode, perceive, read-out
UPDATE_SHIFTS = range(24)  # the update, and the gate's layers
GATE_WEIGHT = range(-127, 128)  # narrow, so that a sum of 1024 products stays below 2**24
GATE_BIAS = Format(width=18)
GATE_HIDDEN = Format(width=7, signed=False)


def round_shift(acc: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """Divide by ``2**shift``, rounding to nearest, ties upwards. Never saturates.

    ``acc`` is int64 of any shape, ``shift`` broadcasts against it and is at least 0.
    """
    return (acc + (1 << np.asarray(shift) >> 1)) >> shift


def trunc_shift(acc: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """Divide by ``2**shift``, rounding towards zero. Never saturates.

    Arguments as in `round_shift`.
    """
    return (acc + np.where(acc < 0, (1 << np.asarray(shift)) - 1, 0)) >> shift
