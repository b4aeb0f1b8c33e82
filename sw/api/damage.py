"""Damage to try a skeleton with."""

from __future__ import annotations

import numpy as np

from sw.data import damage
from sw.data.protocol import SHARE

__all__ = ["blank"]


def blank(images: np.ndarray, share: float = SHARE, *, first: int = 0) -> np.ndarray:
    """Return images of which a share of the pixels is black, as all measurements have it.

    Parameters
    ----------
    images : np.ndarray
        Images uint8 (n, height, width).
    share : float
        Share of each image's pixels, from 0 to 1.
    first : int
        Position of the first image in its data set. The mask of an image depends on its position
        alone.
    """
    return damage.blank(images, range(first, first + len(images)), share)
