"""The pictures of `falling`: a strip of steps, and the same as an animation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from golden.files import replacement
from sw.experiments.memory.task import Outcome
from sw.report.pictures import sheet
from sw.restore.png import write_png

__all__ = ["draw"]

STRIP = (0, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 200)
"""Steps on the strip."""

SCALE, GAP, TEXT = 3, 6, 14
PAPER, INK = 244, 40
TIME, HOLD = 120, 2500
"""Milliseconds of a frame, and of the first and the last one."""


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write strip and animation, and return their paths."""
    arrays = outcome.arrays
    looks = arrays["steps"].tolist()
    strip, film = folder / "falling.png", folder / "falling.gif"
    rows = np.concatenate([arrays["digits"][:, :3], arrays["noise"][:, :3]], axis=1)
    columns = {f"{step}": rows[looks.index(step)] for step in STRIP}
    # What was laid down, not what the lattice makes of it.
    columns["0"] = np.concatenate([arrays["given"][:3], arrays["noise"][0, :3]])
    write_png(strip, sheet(columns, 2))
    frames = [
        frame(step, arrays["digits"][index], arrays["noise"][index])
        for index, step in enumerate(looks)
    ]
    frames[0] = frame(0, arrays["given"], arrays["noise"][0])
    times = [HOLD // 2, *[TIME] * (len(frames) - 2), HOLD]
    with replacement(film) as path:
        frames[0].save(
            path,
            "GIF",
            save_all=True,
            append_images=frames[1:],
            duration=times,
            loop=0,
            optimize=True,
        )
    return [strip, film]


def frame(step: int, digits: np.ndarray, noise: np.ndarray) -> Image.Image:
    """Return one picture of the animation: digits above, noise below, the step beside them."""
    count, height, width = digits.shape
    down, across = height * SCALE + GAP, width * SCALE + GAP
    picture = Image.new("L", (count * across + GAP, TEXT + 2 * GAP + 2 * down), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT)
    draw.text((GAP, GAP), f"step {step}", INK, font)
    for row, images in enumerate((digits, noise)):
        for column, image in enumerate(images):
            large = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
            place = (GAP + column * across, TEXT + 2 * GAP + row * down)
            picture.paste(Image.fromarray(large), place)
    # Sixteen greys are enough for the eye, and make a small file.
    return picture.quantize(16, dither=Image.Dither.NONE)
