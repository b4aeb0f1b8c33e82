"""Damage to images; its random part depends only on an image's index in the data set."""

from __future__ import annotations

import numpy as np

from golden.errors import InputError
from sw.data.kinds import Part, parts_of
from sw.data.protocol import SHARE

__all__ = ["blank", "blank_mask", "block", "damage", "damage_one", "noisy"]


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


def damage(
    images: np.ndarray, indices: np.ndarray | range, how: float | str = SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """Return damaged images, and which pixels were reached: uint8 and bool (n, height, width).

    ``how`` is as `sw.data.kinds.parse` gives it. ``indices`` (n,) are as for `blank_mask`; of a
    mixture, an image's index chooses the kind.
    """
    parts = parts_of(how)
    if len(parts) == 1 and parts[0].kind == "blank":
        mask = blank_mask(images.shape, indices, parts[0].amount)
        return np.where(mask, np.uint8(0), images), mask
    damaged, reached = np.empty_like(images), np.empty(images.shape, bool)
    for at, index in enumerate(indices):
        part, rng = parts[int(index) % len(parts)], np.random.default_rng(int(index))
        damaged[at], reached[at] = damage_one(images[at], part, rng)
    return damaged, reached


def damage_one(
    image: np.ndarray, part: Part, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (height, width) with one kind of damage, and the pixels that it reached."""
    reached = np.zeros(image.shape, bool)
    match part.kind:
        case "blank":
            order = rng.permutation(image.size)
            reached.reshape(-1)[order[: round(image.size * part.amount)]] = True
        case "block":
            reached[middle(image.shape, part.amount)] = True
        case "occlusion":
            reached[rectangle(image.shape, part.amount, rng)] = True
        case "noise":
            noise = rng.normal(0.0, part.amount, image.shape)
            return (image + noise).round().clip(0, 255).astype(image.dtype), ~reached
    return np.where(reached, image.dtype.type(0), image), reached


def middle(shape: tuple[int, ...], share: float) -> tuple[slice, slice]:
    """Return rows and columns of the block in the middle that has this share of each side."""
    sides = [round(size * share) for size in shape]
    starts = [(size - side) // 2 for size, side in zip(shape, sides, strict=True)]
    rows, columns = (slice(a, a + side) for a, side in zip(starts, sides, strict=True))
    return rows, columns


def rectangle(
    shape: tuple[int, ...], share: float, rng: np.random.Generator
) -> tuple[slice, slice]:
    """Return rows and columns of a rectangle of about this share of the area.

    It lies anywhere within the image, and is up to twice as long as wide.
    """
    stretch = 2.0 ** rng.uniform(-0.5, 0.5)
    found = []
    for size, factor in zip(shape, (stretch, 1 / stretch), strict=True):
        side = min(size, round(size * share**0.5 * factor))
        start = int(rng.integers(size - side + 1))
        found.append(slice(start, start + side))
    return found[0], found[1]
