"""Where the numbers of a training run must lie: stated once, for every verb that trains."""

from __future__ import annotations

import os
from typing import NamedTuple

from golden.errors import InputError

__all__ = ["BOUNDS", "SEEDS", "require_within"]

SEEDS = range(1 << 63)
"""Seeds that numpy and PyTorch both take."""


class Bound(NamedTuple):
    """Smallest and largest value, in words that follow "must be" where one is too small."""

    low: float
    high: float
    least: str
    whole: bool = True
    """Whether it must be an integer."""
    open: bool = False
    """Whether the smallest itself is left out."""


def count(low: int, high: int) -> Bound:
    """Return the bound of an integer."""
    return Bound(low, high, f"at least {low}")


BOUNDS = {
    "seed": count(0, SEEDS[-1]),
    "threads": count(1, max(64, 4 * (os.cpu_count() or 1))),  # more only wait for each other
    "batches": count(1, 10**9),
    "qat_batches": count(0, 10**9),
    "hold_batches": count(0, 10**9),
    "batch": count(1, 1 << 16),
    "noise": Bound(0, 1e4, "at least 0", whole=False),
    "motion": Bound(0, 1e9, "at least 0", whole=False),
    "rate": Bound(0, 1e9, "above 0", whole=False, open=True),
    "qat_rate": Bound(0, 1e9, "above 0", whole=False, open=True),
    "hold_rate": Bound(0, 1e9, "above 0", whole=False, open=True),
}
"""By the name of the option; a share has bounds of its own."""


def require_within(name: str, value: object) -> None:
    """Raise unless a number is one, and lies within its bounds."""
    bound = BOUNDS[name]
    kinds = int if bound.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        wanted = "a whole number" if bound.whole else "a number"
        raise InputError(f"{name} must be {wanted}, not {value!r}")
    # As asked here, nan is no such value.
    if not (value > bound.low if bound.open else value >= bound.low):
        raise InputError(f"{name} must be {bound.least}, not {value!r}")
    if value > bound.high:
        most = f"{bound.high:,}" if bound.whole else f"{bound.high:,.0f}"
        raise InputError(f"{name} must be at most {most}, not {value!r}")
