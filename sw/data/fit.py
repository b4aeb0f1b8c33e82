"""Pictures made alike: ink found on paper, scaled into a box, centred, as a data set has them.

MNIST's images are 28 x 28, ink 255 on 0: each digit scaled into a box of 20 x 20 pixels, its centre
of mass on row 14 and column 14. `Layout` says so for any data set, and `measure_layout` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from golden.errors import InputError
from golden.fixed import PIXEL

__all__ = ["Fitted", "Layout", "fit", "is_light", "measure_layout"]

LARGEST = 1000
"""Pixels a side from which on a picture is reduced first."""

CURVED = 64
"""Pixels a side from which on the paper may be lit unevenly."""

LEAST = 24.0
"""Grey levels between paper and ink, at least."""

SPECK = 0.01
"""Share of the largest patch of ink below which another one is left out."""

FAINT = 0.125
"""Share of full ink from which on a pixel counts as drawn."""


@dataclass(frozen=True)
class Layout:
    """How the images of a data set are laid out."""

    box: int
    """Pixels of the longer side of what is drawn."""
    centre: str
    """What is in the middle of the image: the centre of ``mass``, or of the ``box``."""
    middle: float
    """Row and column of the middle, counted from 0; half ones lie between two pixels."""

    @classmethod
    def usual(cls, size: int) -> Layout:
        """Return MNIST's layout, for images of ``size`` pixels a side."""
        return cls(max(1, round(size * 20 / 28)), "mass", size / 2)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Layout:
        """Return the layout of the result of `to_json`."""
        return cls(int(values["box"]), str(values["centre"]), float(values["middle"]))

    def to_json(self) -> dict[str, Any]:
        """Return the layout as JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A picture made an image of a data set."""

    pixels: np.ndarray
    """Uint8 (size, size), ink 255 on 0."""
    facts: dict[str, Any]
    """What was found and done, as JSON."""

    @property
    def words(self) -> str:
        """The same in a line for the user."""
        width, height = self.facts["size"]
        left, top, right, bottom = self.facts["ink"]
        side = len(self.pixels)
        return (
            f"{self.facts['paper']} paper, {width} x {height}: ink from ({left}, {top}) to "
            f"({right}, {bottom}) scaled by {self.facts['scale']:g} into {side} x {side}"
        )


def fit(
    grey: np.ndarray,
    size: int,
    layout: Layout,
    *,
    light: bool | None = None,
    place: Path | str = "the picture",
) -> Fitted:
    """Find the ink of a picture, and lay it out as the images of a data set are.

    Parameters
    ----------
    grey
        Picture, uint8 (height, width), of any size.
    size
        Side of the image in pixels.
    layout
        Of the data set.
    light
        Whether the paper is lighter than the ink; found unless given.
    place
        Name in errors.

    Raises
    ------
    InputError
        If there is no ink.
    """
    factor = max(1, -(-max(grey.shape) // LARGEST))
    small = np.asarray(Image.fromarray(grey).reduce(factor)) if factor > 1 else grey
    light = is_light(small) if light is None else light
    ink = find_ink(small.astype(np.float64), light, place)
    drawn = ink > FAINT * PIXEL.max
    rows, columns = (slice(*ends_of(np.asarray(drawn.any(axis=axis)))) for axis in (1, 0))
    scaled, scale = resize(ink[rows, columns], layout.box)
    top, left = placed(scaled, size, layout)
    pixels = np.zeros((size, size), np.uint8)
    height, width = scaled.shape
    pixels[top : top + height, left : left + width] = scaled
    ends = [columns.start, rows.start, columns.stop, rows.stop]
    facts = {
        "size": [grey.shape[1], grey.shape[0]],
        "paper": "light" if light else "dark",
        "ink": [factor * end for end in ends],
        "scale": round(scale / factor, 4),
        "layout": layout.to_json(),
    }
    return Fitted(pixels, facts)


def is_light(grey: np.ndarray) -> bool:
    """Whether the paper of a picture is lighter than its ink: its border lies above mid-range."""
    edge = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    low, high = np.quantile(grey, (0.01, 0.99))
    return bool(np.median(edge) > (low + high) / 2)


def find_ink(grey: np.ndarray, light: bool, place: Path | str) -> np.ndarray:
    """Return the ink of a picture, uint8 (height, width), full ink 255; specks are left out."""
    sign = 1.0 if light else -1.0
    border = np.zeros(grey.shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    above = sign * (paper_of(grey, border) - grey)
    above = sign * (paper_of(grey, above < otsu(above)) - grey)
    threshold = otsu(above)
    mask = above >= threshold
    rest = above[~mask]
    noise = 1.4826 * float(np.median(np.abs(rest - np.median(rest)))) if len(rest) else 0.0
    peak = float(np.quantile(above[mask], 0.9)) if mask.any() else 0.0
    if peak < max(LEAST, 6 * noise):
        raise InputError(f"{place} must show ink on paper: its greys hardly differ")
    cut = min(3 * noise, peak / 4)
    ink = ((above - cut) * (PIXEL.max / (peak - cut))).round().clip(0, PIXEL.max).astype(np.uint8)
    return np.where(patches(mask), ink, np.uint8(0))


def paper_of(grey: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return the grey level of the paper everywhere, from the pixels that are surely paper.

    In a large picture it may change slowly, as a lamp lights it.
    """
    if min(grey.shape) < CURVED or paper.sum() < CURVED:
        return np.full(grey.shape, np.median(grey[paper]) if paper.any() else np.median(grey))
    y, x = (axis / size for axis, size in zip(np.indices(grey.shape), grey.shape, strict=True))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    chosen = np.flatnonzero(paper)
    chosen = chosen[:: max(1, len(chosen) // 20_000)]
    flat = terms.reshape(-1, terms.shape[-1])
    found = np.linalg.lstsq(flat[chosen], grey.reshape(-1)[chosen], rcond=None)[0]
    return np.asarray(terms @ found)


def otsu(values: np.ndarray) -> float:
    """Return the threshold that splits values into the two classes that vary least in themselves.

    It is 1 at least: what is darker than the paper, or as dark, is no ink.
    """
    counts, edges = np.histogram(values.clip(min=0), bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below - total * sums) ** 2 / (below * (total - below))
    between = np.nan_to_num(between)  # 0 where one class is empty
    best = np.flatnonzero(between == between.max())
    return max(1.0, float(edges[best[len(best) // 2] + 1]))


def patches(mask: np.ndarray) -> np.ndarray:
    """Return the patches of ink and their edges, without those tiny beside the largest."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
    sizes[0] = 0
    large = (sizes >= max(1, SPECK * sizes.max()))[labels]
    edges = 2 + max(mask.shape) // 200
    return np.asarray(ndimage.binary_dilation(large, np.ones((3, 3)), edges))


def ends_of(used: np.ndarray) -> tuple[int, int]:
    """Return the first index at which a row of bools is true, and the one after the last."""
    found = np.flatnonzero(used)
    return int(found[0]), int(found[-1]) + 1


def resize(drawn: np.ndarray, box: int) -> tuple[np.ndarray, float]:
    """Return what is drawn with its longer side as long as the box, full ink 255, and the scale."""
    scale = box / max(drawn.shape)
    height, width = (max(1, round(side * scale)) for side in drawn.shape)
    picture = Image.fromarray(drawn)
    if scale != 1:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture, np.float64)
    # Thin strokes become faint where they are made small.
    return np.asarray((pixels * (PIXEL.max / max(pixels.max(), 1.0))).round(), np.uint8), scale


def placed(drawn: np.ndarray, size: int, layout: Layout) -> tuple[int, int]:
    """Return row and column at which a drawing lies in the image of ``size``, within its edges."""
    middles = [(side - 1) / 2 for side in drawn.shape]
    if layout.centre == "mass":
        middles = list(mass_of(drawn[None].astype(np.float64))[0])
    rows, columns = (
        min(max(round(layout.middle - middle), 0), size - side)
        for middle, side in zip(middles, drawn.shape, strict=True)
    )
    return rows, columns


def mass_of(images: np.ndarray) -> np.ndarray:
    """Return row and column of the centre of mass of images (n, height, width): (n, 2)."""
    total = images.sum((1, 2)).clip(min=1e-9)
    y, x = np.indices(images.shape[1:])
    return np.stack([(images * axis).sum((1, 2)) / total for axis in (y, x)], axis=1)


def measure_layout(images: np.ndarray) -> Layout:
    """Return how images uint8 (n, size, size), ink 255 on 0, are laid out.

    In the middle is whichever of the two centres varies less.
    """
    some = images[:: max(1, len(images) // 1000)]
    drawn = some > FAINT * PIXEL.max
    some, drawn = some[drawn.any((1, 2))], drawn[drawn.any((1, 2))]
    size = images.shape[-1]
    if not len(some):
        return Layout.usual(size)
    ends = np.array([[ends_of(each.any(1 - axis)) for axis in (0, 1)] for each in drawn])
    centres = {
        "mass": mass_of(some.astype(np.float64)),
        "box": (ends[..., 0] + ends[..., 1] - 1) / 2,
    }
    steady = min(centres, key=lambda name: float(centres[name].std(0).sum()))
    longest = (ends[..., 1] - ends[..., 0]).max(1)
    return Layout(int(np.median(longest)), steady, round(2 * float(centres[steady].mean())) / 2)
