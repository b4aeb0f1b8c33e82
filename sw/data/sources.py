"""Data sets of the user's own, from whatever they lie in: see `read_source`.

What comes without a test set is split: a tenth is held out, the same for every run and evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import is_dir, is_file, read_bytes, reading
from sw.data.arrays import (
    KNOWN,
    Set,
    images_of,
    is_array,
    labelled,
    read_array,
    read_idx_files,
    read_npz,
    sklearn_digits,
)
from sw.data.fit import Layout, measure_layout
from sw.data.folder import Pictures, find_pictures, fit_all, read_pictures

__all__ = ["HELD_OUT", "LEAST", "SKLEARN", "Source", "has_images", "read_source"]

SKLEARN = "sklearn:digits"
"""The 1,797 digits of 8 x 8 pixels that scikit-learn carries."""

HELD_OUT, SEED = 0.1, 0
"""Share of the images that is held out where there is no test set, and the seed of the choice."""

LEAST = 100
"""Images that a data set must have."""

ZIP_MAGIC = b"PK\3\4"
"""First bytes of a .npz."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A data set as it was read."""

    train: Set
    test: Set
    held_out: dict[str, Any] | None
    """How the test images were chosen; None where they came as such."""
    classes: list[str] | None
    """Names of the labels 0, 1, …"""
    layout: Layout
    what: str
    """Origin in words."""


def read_source(
    text: str, *, size: int | None = None, say: Callable[[str], None] = lambda text: None
) -> Source:
    """Read a data set: images, labels if there are any, and its test set or a share held out.

    Parameters
    ----------
    text
        ``sklearn:digits``; an IDX file of images, or ``IMAGES,LABELS``; a ``.npy`` of images, or
        two; a ``.npz`` with ``images`` and ``labels``, or ``x_train``, ``y_train``, ``x_test``,
        ``y_test``; a folder of one or two IDX files, or of pictures, whose subfolders are classes.
        Subfolders ``train`` and ``test`` are the two parts.
    size
        Fit every image to this side, see `sw.data.fit.fit`; None takes them as they are.
    say
        Shows one line to the user.

    Raises
    ------
    InputError
        If there is no such data set, labels do not match, sizes differ, or there are fewer than
        `LEAST` images.
    """
    train, test = read_parts(text, size, say)
    count = len(train.images) + (0 if test is None else len(test.images))
    if count < LEAST:
        raise InputError(f"{text} must hold at least {LEAST} images, not {count}")
    height, width = train.images.shape[1:]
    if test is not None and test.images.shape[1:] != (height, width):
        other = " x ".join(map(str, test.images.shape[1:]))
        raise InputError(f"{text} must have test images of {height} x {width}, not {other}")
    held_out = None
    if test is None:
        train, test, held_out = hold_out(train)
    train, test, classes = number_classes(text, train, test)
    return Source(
        train=train,
        test=test,
        held_out=held_out,
        classes=classes,
        layout=measure_layout(train.images)
        if height == width
        else Layout.usual(min(height, width)),
        what=f"{Path(text.partition(',')[0]).name}, {count:,} images of {height} x {width}",
    )


def hold_out(given: Set) -> tuple[Set, Set, dict[str, Any]]:
    """Return a set without the share that is held out, that share, and how it was chosen."""
    count = len(given.images)
    order = np.random.default_rng(SEED).permutation(count)
    chosen = np.sort(order[: round(HELD_OUT * count)])
    rest = np.sort(order[round(HELD_OUT * count) :])
    facts = {"share": HELD_OUT, "seed": SEED, "images": len(chosen)}
    return part_of(given, rest), part_of(given, chosen), facts


def part_of(given: Set, rows: np.ndarray) -> Set:
    """Return these rows of a set."""
    labels = None if given.labels is None else given.labels[rows]
    return Set(given.images[rows], labels)


def number_classes(text: str, train: Set, test: Set) -> tuple[Set, Set, list[str] | None]:
    """Return both parts with labels 0, 1, … as uint8, and the name of each.

    Labels that are such numbers stay as they are.
    """
    if train.labels is None or test.labels is None:
        return replace(train, labels=None), replace(test, labels=None), None
    values = np.concatenate([train.labels, test.labels])
    names, numbers = np.unique(values, return_inverse=True)
    if len(names) > 256:
        raise InputError(f"{text} must have at most 256 classes, not {len(names)}")
    if names.dtype.kind in "ui" and names[0] >= 0 and names[-1] < 256:
        numbers, names = values, np.arange(int(names[-1]) + 1)
    numbers = numbers.astype(np.uint8)
    count = len(train.images)
    both = replace(train, labels=numbers[:count]), replace(test, labels=numbers[count:])
    return *both, [str(name) for name in names]


def read_parts(text: str, size: int | None, say: Callable[[str], None]) -> tuple[Set, Set | None]:
    """Return the training images and the test images, None where there are none."""
    path = Path(text)
    if is_dir(path):
        return read_folders(path, size, say)
    train, test = read_arrays(text)
    return fitted(train, size, say, text), test and fitted(test, size, say, text)


def read_arrays(text: str) -> tuple[Set, Set | None]:
    """Return the parts of a data set in arrays."""
    if text == SKLEARN:
        return sklearn_digits(), None
    if not is_file(Path(text)) and "," in text:
        first, _, second = text.rpartition(",")
        images, labels = read_array(Path(first)), read_array(Path(second))
        return labelled(images, labels, first, second), None
    if not is_file(Path(text)):
        raise InputError(f"Data must be {KNOWN}, not {text!r}")
    path, raw = Path(text), read_bytes(Path(text))
    if raw.startswith(ZIP_MAGIC):
        return read_npz(path, raw)
    return Set(images_of(read_array(path, raw), path)), None


def read_folders(
    folder: Path, size: int | None, say: Callable[[str], None]
) -> tuple[Set, Set | None]:
    """Return the parts of a folder of IDX files or of pictures."""
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if {path.name for path in files if path.is_dir()} == {"train", "test"}:
        train, test = (read_pictures(folder / part, size, say) for part in ("train", "test"))
        return train, test
    arrays = [path for path in files if is_file(path) and is_array(path)]
    if arrays:
        return fitted(read_idx_files(folder, arrays), size, say, str(folder)), None
    return read_pictures(folder, size, say), None


def has_images(folder: Path) -> bool:
    """Whether a folder has an IDX file, or a picture somewhere below it."""
    with reading(folder, "a readable folder"):
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return any(is_file(path) and is_array(path) for path in files) or bool(find_pictures(folder))


def fitted(given: Set, size: int | None, say: Callable[[str], None], text: str) -> Set:
    """Return a set with its images fitted to a side, if there is one to fit to."""
    if size is None:
        return given
    count = len(given.images)
    names = [Path(f"image {at}") for at in range(count)]
    found = fit_all(Pictures(names, list(given.images), None), size, say, text)
    stayed = set(found.names)
    kept = np.array([name in stayed for name in names])
    labels = None if given.labels is None else given.labels[kept]
    return Set(np.stack(found.greys), labels)
