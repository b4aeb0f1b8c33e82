"""PNGs: read as grey images, written whole or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from golden.errors import InputError
from golden.files import reading, replacement
from sw.data.pictures import to_grey

__all__ = ["MAGIC", "read_grey", "read_marked", "write_png"]

MAGIC = b"\x89PNG"
"""First bytes of a PNG."""

DEPTH = 24  # byte of a PNG with the bits of a sample
LARGEST_SIDE = 256
"""Side in pixels of the largest image of a lattice."""


def read_grey(
    raw: bytes, place: Path | str, size: int, *, paper: int = 0
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a PNG: return a grey image uint8 (size, size), and its conversions in words.

    Parameters
    ----------
    raw
        The file's bytes.
    place
        Name in errors.
    size
        Side in pixels that it must have.
    paper
        Grey level of the background of a transparent picture.

    Raises
    ------
    InputError
        If it is damaged, has 16 bits a sample, another size, or more than one frame.
    """
    with reading(place, "a whole PNG"), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Pillow's warning about parts that it ignores
        with open_picture(raw, place) as picture:
            if raw[DEPTH : DEPTH + 1] == b"\x10":
                raise InputError(f"{place} must be a PNG of 8 bits, not of 16")
            if picture.size != (size, size):
                width, height = picture.size
                raise InputError(f"{place} must be {size} x {size}, not {width} x {height}")
            if (frames := getattr(picture, "n_frames", 1)) != 1:
                raise InputError(f"{place} must be one picture, not {frames} frames")
            picture.load()
            grey, notes = to_grey(picture, paper)
            return grey, tuple(notes)


def open_picture(raw: bytes, place: Path | str) -> Image.Image:
    """Open a PNG; raise `InputError`, in our own words, if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(BytesIO(raw), formats=["PNG"])
    except UnidentifiedImageError:
        raise InputError(f"{place} must be a whole PNG: its header is broken") from None


def read_marked(raw: bytes, key: str) -> tuple[np.ndarray | None, str | None]:
    """Return the pixels and the text chunk ``key`` of a PNG, None for what cannot be read.

    A picture without the chunk, or larger than any result, is not unpacked.
    """
    text = None
    try:
        with open_picture(raw, "") as picture:
            found = picture.info.get(key)
            text = found if isinstance(found, str) else None
            if text is None or max(picture.size) > LARGEST_SIDE:
                return None, text
            return np.asarray(picture.convert("L")), text
    except Exception:  # Pillow raises errors of many types for damaged files
        return None, text


def write_png(path: Path, pixels: np.ndarray, texts: Mapping[str, str] | None = None) -> None:
    """Write a picture, uint8 (h, w) or (h, w, 3), and text chunks, whole or not at all."""
    chunks = PngInfo()
    for name, text in (texts or {}).items():
        chunks.add_text(name, text)
    with replacement(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", optimize=True, pnginfo=chunks)
