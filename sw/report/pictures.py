"""Contact sheets: one row for each digit shows its restoration step by step, without smoothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["restoration_sheet", "sheet", "steps_to_show"]

PAPER, INK = 244, 40
GAP, MARGIN, TEXT = 4, 10, 13
MOST_STEPS = 10
"""Most columns of steps on a sheet; of a longer run it shows a selection."""


def sheet(columns: Mapping[str, np.ndarray], scale: int = 3) -> np.ndarray:
    """Lay out columns of images side by side.

    Parameters
    ----------
    columns
        Images uint8 (n, height, width) under each heading, all of one shape.
    scale
        Pixels of the sheet for one pixel of an image, in each direction.

    Returns
    -------
    np.ndarray
        The picture, uint8 (rows, columns).
    """
    count, height, width = next(iter(columns.values())).shape
    down, across = height * scale + GAP, width * scale + GAP
    top = MARGIN + TEXT + GAP
    size = (2 * MARGIN + len(columns) * across - GAP, top + count * down - GAP + MARGIN)
    picture = Image.new("L", size, PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT)
    for column, (heading, images) in enumerate(columns.items()):
        left = MARGIN + column * across
        draw.text((left + width * scale / 2, MARGIN), heading, INK, font, anchor="mt")
        for row, image in enumerate(images):
            enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
            picture.paste(Image.fromarray(enlarged), (left, top + row * down))
    return np.asarray(picture)


def restoration_sheet(
    frames: Mapping[int, np.ndarray],
    restored: np.ndarray,
    *,
    original: np.ndarray | None = None,
    damaged: np.ndarray | None = None,
    scale: int = 3,
) -> np.ndarray:
    """Return the sheet of a few restorations; all images are uint8 (n, height, width).

    Parameters
    ----------
    frames
        Images that the lattices showed, by step.
    restored
        Images that they showed in the end.
    original, damaged
        Images before and after the damage, if there are any.
    scale
        Pixels of the sheet for one pixel of an image, in each direction.
    """
    columns = {} if original is None else {"original": original}
    if damaged is not None:
        columns["given" if original is None else "damaged"] = damaged
    columns |= {f"step {step}": images for step, images in frames.items()}
    return sheet(columns | {"restored": restored}, scale)


def steps_to_show(steps: range) -> list[int]:
    """Return at most `MOST_STEPS` of the steps: more of the early ones, in which digits change."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    chosen = np.geomspace(1, len(steps), MOST_STEPS).round().astype(int)
    return [steps[i - 1] for i in np.unique(chosen)]
