"""Pictures as people have them: any common format, mode, depth and EXIF orientation, as grey."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from golden.errors import InputError
from golden.files import reading

__all__ = ["SUFFIXES", "is_picture", "read_picture", "to_grey"]

FORMATS = {
    "PNG": (b"\x89PNG",),
    "JPEG": (b"\xff\xd8\xff",),
    "BMP": (b"BM",),
    "GIF": (b"GIF8",),
    "TIFF": (b"II*\0", b"MM\0*"),
    "WEBP": (b"RIFF",),
}
"""Formats that are read, and what a file of each may begin with."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Endings of their files, in lower case."""

TURNED = range(2, 9)  # orientations in EXIF data that require a change
ORIENTATION = 0x0112


def is_picture(raw: bytes) -> bool:
    """Whether these are the first bytes of a picture."""
    return raw.startswith(tuple(first for each in FORMATS.values() for first in each))


def read_picture(raw: bytes, place: Path | str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a picture of any size: return it grey, uint8 (height, width), and what was done to it.

    A transparent one is laid on a background that its ink stands out from. Of several frames the
    first is taken, of 16 bits the upper 8. Raises `InputError`, naming ``place``, if it is damaged.
    """
    notes = []
    with reading(place, "a whole picture"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that Pillow ignores
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with open_picture(raw, place) as picture:
            if (frames := getattr(picture, "n_frames", 1)) != 1:
                notes.append(f"the first of {frames} frames")
            picture.load()
            grey, done = to_grey(picture)
            return grey, (*notes, *done)


def to_grey(picture: Image.Image, paper: int | None = None) -> tuple[np.ndarray, list[str]]:
    """Return a loaded picture upright and grey, uint8 (height, width), and what was done to it.

    A transparent one is laid on the grey level ``paper``; without, on what its ink stands out from.
    """
    notes = []
    upright, turned = turn_upright(picture)
    if turned:
        notes.append("turned upright, as its EXIF data say")
    if upright.mode.startswith(("I", "F")):
        notes.append("of more than 8 bits, its range spread over 8")
        return spread(np.asarray(upright, np.float64)), notes
    if upright.has_transparency_data:
        paper = contrasting(upright) if paper is None else paper
        upright, transparent = composite(upright, paper)
        if transparent:
            notes.append(f"transparent, laid on {'white' if paper else 'black'}")
    return np.asarray(upright.convert("L")), notes


def open_picture(raw: bytes, place: Path | str) -> Image.Image:
    """Open a picture; raise `InputError`, in our own words, if it is none."""
    try:
        return Image.open(BytesIO(raw), formats=list(FORMATS))
    except UnidentifiedImageError:
        raise InputError(f"{place} must be a whole picture: its header is broken") from None


def turn_upright(picture: Image.Image) -> tuple[Image.Image, bool]:
    """Return a picture as its EXIF data orient it, and whether that turned it."""
    if picture.getexif().get(ORIENTATION) not in TURNED:
        return picture, False
    return ImageOps.exif_transpose(picture), True


def spread(values: np.ndarray) -> np.ndarray:
    """Return real or long integer grey levels as uint8, the least 0 and the largest 255."""
    low, high = float(values.min()), float(values.max())
    return np.asarray(((values - low) * (255 / max(high - low, 1e-9))).round(), np.uint8)


def contrasting(picture: Image.Image) -> int:
    """Return the grey level, 0 or 255, that what is visible of a picture stands out from."""
    colours = np.asarray(picture.convert("RGBA"), np.float64)
    weights = colours[..., 3]
    level = (colours[..., :3].mean(-1) * weights).sum() / max(weights.sum(), 1.0)
    return 255 if level < 128 else 0


def composite(picture: Image.Image, paper: int) -> tuple[Image.Image, bool]:
    """Return a picture on a background of this grey, and whether the background is visible."""
    ink = picture.convert("RGBA")
    canvas = Image.new("RGBA", ink.size, (paper, paper, paper, 255))
    canvas.alpha_composite(ink)
    return canvas, bool(np.asarray(ink)[..., 3].min() < 255)
