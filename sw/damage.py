"""Damage to images, the same wherever it is dealt: a share of the pixels, drawn by the index."""

from __future__ import annotations

import numpy as np

__all__ = ["blank", "blanked"]


def blanked(shape: tuple[int, int, int], indices: np.ndarray | range, share: float) -> np.ndarray:
    """Return which pixels are blanked: bool (n, height, width).

    ``indices`` (n,) are the positions of the images in their data set; each seeds its own mask.
    Nobody who restores gets to see it.
    """
    pixels = shape[1] * shape[2]
    mask = np.zeros((shape[0], pixels), bool)
    for row, index in zip(mask, indices, strict=True):
        row[np.random.default_rng(int(index)).permutation(pixels)[: round(pixels * share)]] = True
    return mask.reshape(shape)


def blank(images: np.ndarray, indices: np.ndarray | range, share: float = 0.7) -> np.ndarray:
    """Return a copy of images (n, height, width) with a share of each one's pixels set to 0."""
    return np.where(blanked(images.shape, indices, share), np.uint8(0), images)
