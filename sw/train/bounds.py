"""Bounds: where a number that is given must lie."""

from __future__ import annotations

from typing import NamedTuple

from golden.errors import InputError

__all__ = ["SEEDS", "Bound", "count", "require_within"]

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


def require_within(name: str, value: object, bound: Bound) -> None:
    """Raise unless a number is one, and lies within its bounds."""
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
