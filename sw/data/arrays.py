"""Data sets in arrays: IDX files of any name, .npy, .npz, and the digits of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from golden.errors import InputError
from golden.files import read_bytes, reading
from sw.data.idx import GZIP_MAGIC, parse_idx, unpack

__all__ = [
    "KNOWN",
    "Set",
    "images_of",
    "is_array",
    "labelled",
    "read_array",
    "read_idx_files",
    "read_npz",
    "sklearn_digits",
]

KNOWN = "a folder of IDX files or of pictures, an IDX, .npy or .npz file, or sklearn:digits"
"""What a data set can be."""

IDX_MAGIC = b"\0\0\x08"
NPY_MAGIC = b"\x93NUMPY"

ARRAYS = (
    ("images", "labels", "test_images", "test_labels"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("arr_0", "arr_1", "", ""),
)
"""Names of an archive's arrays, as people call them; the last ones are numpy's own."""


@dataclass(frozen=True, eq=False)
class Set:
    """Images uint8 (n, height, width), and the class of each: any values (n,), or None."""

    images: np.ndarray
    labels: np.ndarray | None = None


def sklearn_digits() -> Set:
    """Return the digits of scikit-learn, their 17 levels spread over 0 to 255."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return Set((found.images * (255 / 16)).round().astype(np.uint8), found.target)


def read_array(path: Path, raw: bytes | None = None) -> np.ndarray:
    """Return the array of an IDX or a .npy file."""
    raw = read_bytes(path) if raw is None else raw
    if raw.startswith(NPY_MAGIC):
        with reading(path, "a whole .npy file"):
            return np.asarray(np.load(BytesIO(raw), allow_pickle=False))
    if raw.startswith((IDX_MAGIC, GZIP_MAGIC)):
        return parse_idx(unpack(raw, path), path)
    raise InputError(f"{path} must be an IDX, .npy or .npz file")


def read_npz(path: Path, raw: bytes) -> tuple[Set, Set | None]:
    """Return the parts of an archive of arrays."""
    with reading(path, "a whole .npz file"):
        with np.load(BytesIO(raw), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    for names in ARRAYS:
        if names[0] in arrays:
            break
    else:
        raise InputError(f"{path} must have an array 'images', or 'x_train' and 'x_test'")
    train, test = (
        labelled(arrays[images], arrays.get(labels), path, f"{path}: {labels}")
        if images in arrays
        else None
        for images, labels in (names[:2], names[2:])
    )
    assert train is not None
    return train, test


def images_of(array: np.ndarray, place: Path | str) -> np.ndarray:
    """Return an array if it is images, uint8 (n, height, width)."""
    if array.dtype != np.uint8 or array.ndim != 3 or not array.size:
        raise InputError(
            f"{place} must be images of (n, height, width) uint8, not {array.shape} {array.dtype}"
        )
    return array


def labelled(
    images: np.ndarray, labels: np.ndarray | None, place: Path | str, beside: Path | str
) -> Set:
    """Return images with their labels; raise unless each has one."""
    images = images_of(images, place)
    if labels is not None and labels.shape != (len(images),):
        raise InputError(f"{beside} must hold {len(images)} labels, not {labels.shape}")
    return Set(images, labels)


def is_array(path: Path) -> bool:
    """Whether a file begins as an IDX file does, gzipped or not."""
    with reading(path, "a readable file"), path.open("rb") as file:
        first = file.read(4)
    return first.startswith((IDX_MAGIC, GZIP_MAGIC))


def read_idx_files(folder: Path, files: list[Path]) -> Set:
    """Return the images of a folder's IDX file, with the labels of the other, if any."""
    found = {path: read_array(path) for path in files[:3]}
    images = [path for path, array in found.items() if array.ndim == 3]
    labels = [path for path, array in found.items() if array.ndim == 1]
    if len(images) != 1 or len(labels) > 1 or len(found) > 2:
        raise InputError(
            f"{folder} must hold one IDX file of images and at most one of labels, or the four of "
            "MNIST by their names"
        )
    beside = found[labels[0]] if labels else None
    return labelled(found[images[0]], beside, images[0], labels[0] if labels else "")
