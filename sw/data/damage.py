"""Damage to images; its random part depends only on an image's index in the data set."""

from __future__ import annotations

import numpy as np

from golden.errors import InputError
from sw.data.protocol import SHARE

__all__ = ["blank", "blank_mask", "block", "noisy"]


def blank_mask(
    shape: tuple[int, int, int], indices: np.ndarray | range, share: float
) -> np.ndarray:
    """Return the mask of blanked pixels: bool (n, height, width).

    ``indices`` (n,) are the positions of the images in their data set, and the seeds of their
    masks. Restorers do not get the mask.
    """
    if not 0 <= share <= 1:  # in this form, nan is refused too
        raise InputError(f"Share to blank must be from 0 to 1, not {share}")
    if len(indices) != shape[0]:
        raise InputError(f"Indices must be of {shape[0]} images, not of {len(indices)}")
    pixels = shape[1] * shape[2]
    mask = np.zeros((shape[0], pixels), bool)
    for row, index in zip(mask, indices, strict=True):
        row[np.random.default_rng(int(index)).permutation(pixels)[: round(pixels * share)]] = True
    return mask.reshape(shape)


def blank(images: np.ndarray, indices: np.ndarray | range, share: float = SHARE) -> np.ndarray:
    """Return a copy of images (n, height, width) with a share of each one's pixels set to 0."""
    return np.where(blank_mask(images.shape, indices, share), np.uint8(0), images)


def block(images: np.ndarray, side: int = 14) -> np.ndarray:
    """Return a copy of images (n, height, width) with a square in the middle set to 0."""
    top, left = ((size - side) // 2 for size in images.shape[1:])
    damaged = images.copy()
    damaged[:, top : top + side, left : left + side] = 0
    return damaged


def noisy(images: np.ndarray, indices: np.ndarray | range, sigma: float) -> np.ndarray:
    """Return images (n, height, width) with Gaussian noise of ``sigma`` grey levels, saturated.

    ``indices`` (n,) are as for `blank_mask`.
    """
    damaged = np.empty_like(images)
    for row, image, index in zip(damaged, images, indices, strict=True):
        noise = np.random.default_rng(int(index)).normal(0.0, sigma, image.shape)
        row[:] = (image + noise).round().clip(0, 255)
    return damaged
