"""Comparison with golden: the error names the step, channel and cell of the first difference."""

from __future__ import annotations

import numpy as np

from golden.errors import Difference

__all__ = ["require_equal"]

AXES = {
    ("states", 5): ", step {}: channel {}, cell ({}, {})",
    ("states", 4): ": channel {}, cell ({}, {})",
    ("planes", 3): ", opening {}: cell {}",
    ("images", 3): ": pixel ({}, {})",
}
"""Names of the axes after the first in errors, by the kind of array and its number of axes."""


def require_equal(
    found: np.ndarray,
    want: np.ndarray,
    place: str = "digit {}",
    *,
    first: int = 0,
    kind: str = "",
) -> int:
    """Raise unless all codes equal golden's; return how many were compared.

    Parameters
    ----------
    found, want
        Codes of a device, and golden's codes of the same shape: states (n, steps + 1, channels,
        height, width) or (n, channels, height, width), images (n, height, width), or planes
        (n, openings, cells).
    place
        Name of an item of the first axis in errors; ``{}`` becomes its index.
    first
        Index of the first item.
    kind
        States, images or planes; if empty, it follows from the number of axes.

    Raises
    ------
    Difference
        Names the first item, step, channel and cell that differ, and says how many codes do.
    """
    kind = kind or ("images" if want.ndim == 3 else "states")
    if found.shape != want.shape:
        raise Difference(f"{kind} of shape {found.shape} came, golden has {want.shape}")
    differing = np.flatnonzero(found != want)
    if len(differing):
        index = np.unravel_index(differing[0], want.shape)
        item, *rest = (int(axis) for axis in index)
        where = place.replace("{}", str(first + item)) + AXES[kind, want.ndim].format(*rest)
        count = len(differing)
        codes = f"1 code of {kind} differs" if count == 1 else f"{count:,} codes of {kind} differ"
        raise Difference(f"{where} is {found[index]}, golden has {want[index]}; {codes}")
    return int(want.size)
