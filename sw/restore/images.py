"""The INPUT of the command line: images or raw lattices, from files or from a data set."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import read_bytes, reading
from golden.fixed import PIXEL
from golden.spec import Spec
from sw.data.idx import images_in, parse_idx, unpack
from sw.data.load import load, show_digits
from sw.data.pictures import is_picture, read_picture
from sw.restore.fitting import Fit
from sw.restore.png import MAGIC, read_grey

__all__ = ["KINDS", "Images", "Lattices", "is_named", "paper_of", "read_input"]

KINDS = "a picture, a folder of them, a .npy, an IDX file, mnist:test[0:100] or show[0:100]"
NAMED = re.compile(r"(mnist:test|show)(?:\[(\d{0,9}):(\d{0,9})\])?")


@dataclass(frozen=True, eq=False)
class Images:
    """Images uint8 (n, size, size), ink white on black, and their positions in their data set."""

    images: np.ndarray
    indices: range
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    """Conversions while they were read, a line each for the user."""
    fit: dict[str, Any] | None = None
    """What a picture was made an image by; see `sw.data.fit.Fitted`."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Lattices:
    """Raw lattices, int8 (n, channels, height, width)."""

    states: np.ndarray
    step: int = 0
    """How many steps they have run, their delta applied."""

    def __len__(self) -> int:
        return len(self.states)


def is_named(text: str) -> bool:
    """Whether an INPUT names a data set and not a path."""
    return NAMED.fullmatch(text) is not None


def read_input(
    text: str,
    spec: Spec,
    data: Path | None = None,
    *,
    invert: bool = False,
    fit: Fit | None = None,
) -> Images | Lattices:
    """Read the INPUT ``text`` for a skeleton of ``spec``.

    ``data`` is a folder of MNIST or None. With ``invert``, images are dark ink on light paper.
    Lattices stay unchanged. With ``fit``, the INPUT is a picture of any size.
    """
    if fit is not None:
        return read_fitted(text, fit)
    given = read_plain(text, spec, data, paper_of(invert))
    if invert and isinstance(given, Images):
        return replace(given, images=~given.images)
    return given


def paper_of(invert: bool) -> int:
    """Return the grey level of the background: white with ``invert``, or black as in MNIST."""
    return PIXEL.max if invert else PIXEL.min


def read_fitted(text: str, fit: Fit) -> Images:
    """Read a picture of any size."""
    raw = b"" if is_named(text) else read_raw(text)
    if not is_picture(raw):
        raise InputError(f"--fit must go with a picture or a folder of them, not with {text!r}")
    found, notes = fit.read(raw, Path(text))
    told = tuple(f"{text}: {note}" for note in (*notes, found.words))
    return Images(found.pixels[None], range(1), notes=told, fit=found.facts)


def read_raw(text: str) -> bytes:
    """Return the bytes of an INPUT that is a file."""
    path = Path(text)
    try:
        return read_bytes(path, once=True)
    except InputError as error:
        told = str(error).removeprefix(f"{path} must be a readable file: ")
        if told == str(error):
            raise
        raise InputError(f"INPUT must be {KINDS}, not {text!r}: {told}") from error


def read_plain(text: str, spec: Spec, data: Path | None, paper: int) -> Images | Lattices:
    """Read an INPUT without inversion."""
    if (named := NAMED.fullmatch(text)) is not None:
        return read_named(text, *named.groups(), spec=spec, data=data)
    path, raw = Path(text), read_raw(text)
    for magic, read in READERS.items():
        if raw.startswith(magic):
            return read(raw, path, spec, paper)
    if is_picture(raw):
        return read_other(raw, path, spec)
    raise InputError(f"INPUT must be {KINDS}, not {text!r}")


def read_named(
    text: str, name: str, first: str | None, last: str | None, *, spec: Spec, data: Path | None
) -> Images:
    """Read a slice of a named data set."""
    if name == "show":
        images, labels = show_digits()
    else:
        digits = load(data, download=True)
        if digits.test_images is None or digits.test_labels is None:
            raise InputError(f"{text} must have MNIST at hand: --data names its folder")
        images, labels = digits.test_images, digits.test_labels
    require_size(images, text, spec)
    chosen = places(text, first, last, len(images))
    part = slice(chosen.start, chosen.stop)
    return Images(images[part], chosen, labels[part])


def places(text: str, first: str | None, last: str | None, count: int) -> range:
    """Return the indices in a slice of ``count`` images; raise unless all of them exist."""
    begin, end = int(first or 0), int(last or count)
    if begin >= min(end, count):
        raise InputError(f"{text} must name at least one of {count:,} images")
    if end > count:
        raise InputError(f"{text} must end at {count:,}, the number of images, or before")
    return range(begin, end)


def read_npy(raw: bytes, path: Path, spec: Spec, paper: int) -> Images | Lattices:
    """Read a .npy file of images or raw lattices; the header is checked before the data."""
    with reading(path, "a whole .npy file"):
        file = BytesIO(raw)
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise InputError(f"{path} must be a whole .npy file: it must hold numbers")
        wanted = math.prod(shape) * dtype.itemsize
        if wanted != len(raw) - file.tell():
            raise InputError(
                f"{path} must be a whole .npy file: its header tells of {wanted:,} bytes, "
                f"{len(raw) - file.tell():,} follow"
            )
        array = np.load(BytesIO(raw), allow_pickle=False)
    size = spec.image
    if array.dtype == np.uint8 and array.shape[1:] == (size, size) and len(array):
        return Images(array, range(len(array)))
    if array.dtype == np.int8 and array.shape[1:] == spec.lattice and len(array):
        return Lattices(array)
    kinds = f"(n, {size}, {size}) uint8 or ({', '.join(map(str, ('n', *spec.lattice)))}) int8"
    raise InputError(f"{path} must be {kinds}, not {array.shape} {array.dtype}")


def read_png(raw: bytes, path: Path, spec: Spec, paper: int) -> Images:
    """Read one grey image."""
    pixels, notes = read_grey(raw, path, spec.image, paper=paper)
    return Images(pixels[None], range(1), notes=tuple(f"{path}: {note}" for note in notes))


def read_other(raw: bytes, path: Path, spec: Spec) -> Images:
    """Read one image of another format than PNG."""
    pixels, notes = read_picture(raw, path)
    if pixels.shape != (spec.image, spec.image):
        height, width = pixels.shape
        wanted = f"{spec.image} x {spec.image}"
        raise InputError(f"{path} must be {wanted}, not {width} x {height}: --fit scales it")
    return Images(pixels[None], range(1), notes=tuple(f"{path}: {note}" for note in notes))


def read_idx_images(raw: bytes, path: Path, spec: Spec, paper: int) -> Images:
    """Read an IDX file of images."""
    images = images_in(parse_idx(unpack(raw, path), path), path, spec.image)
    if not len(images):
        raise InputError(f"{path} must hold at least one image")
    return Images(images, range(len(images)))


def require_size(images: np.ndarray, text: str, spec: Spec) -> None:
    """Raise unless images have the size that a skeleton takes."""
    if images.shape[1:] != (spec.image, spec.image):
        height, width = images.shape[1:]
        raise InputError(f"{text} must be {spec.image} x {spec.image}, not {height} x {width}")


READERS: dict[bytes, Callable[[bytes, Path, Spec, int], Images | Lattices]] = {
    MAGIC: read_png,
    b"\x93NUMPY": read_npy,
    b"\0\0": read_idx_images,
    b"\x1f\x8b": read_idx_images,
}
"""Reader of each kind of file, by its first bytes."""
