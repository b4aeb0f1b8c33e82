"""A folder of pictures as a data set: its subfolders are the classes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from golden.errors import InputError, reason
from golden.files import read_bytes
from sw.data.arrays import Set
from sw.data.fit import Layout, fit, is_light
from sw.data.pictures import SUFFIXES, read_picture

__all__ = ["Pictures", "find_pictures", "fit_all", "read_pictures"]


class Pictures(NamedTuple):
    """Pictures of any size, grey, uint8 (height, width), and the class of each, if any."""

    names: list[Path]
    greys: list[np.ndarray]
    classes: list[str] | None


def find_pictures(folder: Path) -> list[Path]:
    """Return the paths below a folder of its pictures, sorted; hidden ones are left out."""
    found = []

    def note(error: OSError) -> None:
        raise InputError(f"{error.filename} must be a readable folder: {reason(error)}")

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name).relative_to(folder)
            for name in files
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    return sorted(found)


def read_folder(folder: Path, say: Callable[[str], None]) -> Pictures:
    """Read all pictures below a folder; ``say`` one line of each that cannot be read.

    The class of a picture is the subfolder that it lies in; where pictures lie in the folder itself
    there are no classes.
    """
    names, greys = [], []
    for name in find_pictures(folder):
        try:
            grey, _ = read_picture(read_bytes(folder / name), folder / name)
        except InputError as error:
            say(f"left out: {' '.join(str(error).split())}")
            continue
        names.append(name)
        greys.append(grey)
    classed = all(len(name.parts) > 1 for name in names)
    return Pictures(names, greys, [name.parts[0] for name in names] if classed else None)


def stack(folder: Path, names: list[Path], greys: list[np.ndarray]) -> np.ndarray:
    """Return pictures of one size as an array uint8 (n, height, width)."""
    for name, grey in zip(names, greys, strict=True):
        if grey.shape != greys[0].shape:
            first, other = (f"{w} x {h}" for h, w in (greys[0].shape, grey.shape))
            raise InputError(
                f"{folder} must hold pictures of one size, not of {first} ({names[0]}) and {other} "
                f"({name}): --fit makes them alike"
            )
    return np.stack(greys)


def read_pictures(folder: Path, size: int | None, say: Callable[[str], None]) -> Set:
    """Return the pictures below a folder, of one size or fitted."""
    found = read_folder(folder, say)
    if not found.names:
        raise InputError(f"{folder} must hold pictures or IDX files")
    if size is not None:
        found = fit_all(found, size, say, folder)
    labels = None if found.classes is None else np.array(found.classes)
    return Set(stack(folder, found.names, found.greys), labels)


def fit_all(given: Pictures, size: int, say: Callable[[str], None], place: Path | str) -> Pictures:
    """Return pictures fitted as MNIST's are; ``say`` a line of each that shows no ink.

    Most of them decide whether the paper is light.
    """
    light = 2 * sum(map(is_light, given.greys)) > len(given.greys)
    layout, kept, greys = Layout.usual(size), [], []
    for at, grey in enumerate(given.greys):
        name = f"{place}, {given.names[at]}"
        try:
            greys.append(fit(grey, size, layout, light=light, place=name).pixels)
            kept.append(at)
        except InputError as error:
            say(f"left out: {error}")
    if not kept:
        raise InputError(f"{place} must hold a picture that shows ink on paper")
    say(f"{place}: {'light' if light else 'dark'} paper, fitted to {size} x {size}")
    classes = None if given.classes is None else [given.classes[at] for at in kept]
    return Pictures([given.names[at] for at in kept], greys, classes)
