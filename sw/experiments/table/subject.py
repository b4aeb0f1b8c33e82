"""A subject of the comparison: something that restores digits, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sw.experiments.kept import key_of

__all__ = ["Claim", "Progress", "Restore", "Subject"]

Progress = Callable[[int], None]
"""Takes how many digits are done since it was called last."""

Restore = Callable[[np.ndarray, np.ndarray, Progress], np.ndarray]
"""Takes damaged images uint8 (n, h, w), what was blanked, bool, and gives restored images."""


@dataclass(frozen=True)
class Claim:
    """What the source idea says that its like restores."""

    psnr: float
    """dB."""
    digit_id: float
    """%."""
    flop: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One row of the table."""

    name: str
    restore: Restore
    version: int
    """Raised by whoever changes how it restores: results of other versions are not used."""
    decides: tuple[Any, ...] = ()
    """What decides its restorations besides: files of weights, training data, a chip's digest."""
    given_mask: bool = False
    """Whether ``restore`` looks at what was blanked."""
    curve: bool = False
    """Whether it is measured against other damage too."""
    parameters: int = 0
    macs: Callable[[], int] | None = None
    """Counts the multiply-accumulates of a digit; None where no tool can."""
    link_bytes: int | None = None
    """Bytes over the link a digit; None where there is no link."""
    claim: Claim | None = None
    most: int | None = None
    """Digits to restore at most, for what is slow."""

    @cached_property
    def key(self) -> str:
        """Digest of all that decides its restorations."""
        return key_of(self.name, self.version, *self.decides)
