"""What the command line takes as INPUT: images or raw lattices, from files or from a data set."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from golden.errors import InputError
from golden.files import replacing
from golden.spec import Spec
from sw.data import load, show_digits
from sw.idx import read_images

__all__ = ["KINDS", "Images", "Lattices", "read_input", "write_png"]

KINDS = "a PNG, a folder of them, a .npy, an IDX file, mnist:test[0:100] or show[0:100]"
NAMED = re.compile(r"(mnist:test|show)(?:\[(\d*):(\d*)\])?")


@dataclass(frozen=True, eq=False)
class Images:
    """Images uint8 (n, size, size), ink white on black, and their positions in their data set."""

    images: np.ndarray
    indices: range
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Lattices:
    """Raw lattices, int8 (n, channels, height, width)."""

    states: np.ndarray

    def __len__(self) -> int:
        return len(self.states)


def read_input(
    text: str, spec: Spec, data: Path | None = None, *, invert: bool = False
) -> Images | Lattices:
    """Read the INPUT ``text`` for a skeleton of ``spec``.

    ``data`` is where MNIST may lie; with ``invert``, images are ink on paper. Lattices stay as
    they are.
    """
    given = read_plain(text, spec, data)
    if invert and isinstance(given, Images):
        return replace(given, images=~given.images)
    return given


def read_plain(text: str, spec: Spec, data: Path | None) -> Images | Lattices:
    """Read an INPUT as it is."""
    if (named := NAMED.fullmatch(text)) is not None:
        return read_named(text, *named.groups(), spec=spec, data=data)
    path = Path(text)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise InputError(f"INPUT must be {KINDS}, not {text!r}: {error.strerror}") from error
    for magic, read in READERS.items():
        if head.startswith(magic):
            return read(path, spec)
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
    chosen = range(len(images))[int(first or 0) : int(last or len(images))]
    if not chosen:
        raise InputError(f"{text} must name at least one of {len(images):,} images")
    part = slice(chosen.start, chosen.stop)
    return Images(images[part], chosen, labels[part])


def read_npy(path: Path, spec: Spec) -> Images | Lattices:
    """Read a .npy of images or of raw lattices."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} must be a whole .npy file: {first_line(error)}") from error
    size = spec.image
    if array.dtype == np.uint8 and array.shape[1:] == (size, size) and len(array):
        return Images(array, range(len(array)))
    if array.dtype == np.int8 and array.shape[1:] == spec.lattice and len(array):
        return Lattices(array)
    wanted = f"(n, {size}, {size}) uint8 or ({', '.join(map(str, ('n', *spec.lattice)))}) int8"
    raise InputError(f"{path} must be {wanted}, not {array.shape} {array.dtype}")


def read_png(path: Path, spec: Spec) -> Images:
    """Read one grey image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as picture:
                deep = picture.mode.startswith(("I", "F"))
                size, image = picture.size, picture if deep else picture.convert("L")
                pixels = np.asarray(image)[None]
    except (
        OSError,
        SyntaxError,
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise InputError(f"{path} must be a whole PNG: {first_line(error)}") from error
    if deep:
        raise InputError(f"{path} must be a PNG of 8 bits, not of 16")
    if size != (spec.image, spec.image):
        raise InputError(f"{path} must be {spec.image} x {spec.image}, not {size[0]} x {size[1]}")
    return Images(pixels, range(1))


def read_idx_images(path: Path, spec: Spec) -> Images:
    """Read an IDX file of images."""
    images = read_images(path, spec.image)
    if not len(images):
        raise InputError(f"{path} must hold at least one image")
    return Images(images, range(len(images)))


def require_size(images: np.ndarray, text: str, spec: Spec) -> None:
    """Raise unless images have the size that a skeleton takes."""
    if images.shape[1:] != (spec.image, spec.image):
        height, width = images.shape[1:]
        raise InputError(f"{text} must be {spec.image} x {spec.image}, not {height} x {width}")


def first_line(error: Exception) -> str:
    """Return what an error says, on one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def write_png(path: Path, pixels: np.ndarray, texts: Mapping[str, str] | None = None) -> None:
    """Write a picture, uint8 (h, w) or (h, w, 3), and text chunks, whole or not at all."""
    chunks = PngInfo()
    for name, text in (texts or {}).items():
        chunks.add_text(name, text)
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", optimize=True, pnginfo=chunks)


READERS: dict[bytes, Callable[[Path, Spec], Images | Lattices]] = {
    b"\x89PNG": read_png,
    b"\x93NUMPY": read_npy,
    b"\0\0": read_idx_images,
    b"\x1f\x8b": read_idx_images,
}
"""First bytes of each kind of file."""
