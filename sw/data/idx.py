"""The IDX format of MNIST: a header of big-endian sizes, then bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import math
import struct
from io import BytesIO
from pathlib import Path

import numpy as np

from golden.errors import InputError
from golden.files import LARGEST, read_bytes, reading

__all__ = ["images_in", "parse_idx", "read_idx", "read_images", "read_labels", "unpack"]

GZIP_MAGIC = b"\x1f\x8b"
DIMENSIONS = 4
"""Largest number of dimensions that is read; images have three."""


def unpack(raw: bytes, path: Path | str, most: int = LARGEST) -> bytes:
    """Return bytes, unpacked if they are gzipped, at most ``most``; errors name ``path``."""
    if not raw.startswith(GZIP_MAGIC):
        return raw
    with reading(path, "a whole gzip file"):
        data = gzip.GzipFile(fileobj=BytesIO(raw)).read(most + 1)
    if len(data) > most:
        raise InputError(f"{path} must have at most {most:,} bytes unpacked")
    return data


def read_idx(path: Path) -> np.ndarray:
    """Return the array of an IDX file of bytes: uint8, at most `DIMENSIONS` dimensions."""
    return parse_idx(unpack(read_bytes(path), path), path)


def parse_idx(raw: bytes, path: Path | str) -> np.ndarray:
    """Return the array in the bytes of an IDX file; errors name ``path``."""
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or raw[3] == 0:
        raise InputError(
            f"{path} must start with the IDX magic of bytes, 00 00 08, not {first_bytes(raw)}"
        )
    if raw[3] > DIMENSIONS:
        raise InputError(f"{path} must have at most {DIMENSIONS} dimensions, not {raw[3]}")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise InputError(f"{path} must have an IDX header of {start} bytes, not {len(raw)}")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    wanted = math.prod(shape)
    if len(raw) - start != wanted:
        raise InputError(
            f"{path} must have {wanted} bytes of data, as its header says, not {len(raw) - start}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy()  # writable, for torch


def read_images(path: Path, size: int = 28) -> np.ndarray:
    """Read an IDX file of images: uint8 (n, size, size)."""
    return images_in(read_idx(path), path, size)


def images_in(images: np.ndarray, path: Path | str, size: int) -> np.ndarray:
    """Return an array if it is images uint8 (n, size, size); else raise with ``path``."""
    if images.ndim != 3 or images.shape[1:] != (size, size):
        raise InputError(
            f"{path} must hold images of shape (n, {size}, {size}), not {images.shape}"
        )
    return images


def read_labels(path: Path, count: int) -> np.ndarray:
    """Read an IDX file of ``count`` labels: uint8 (count,)."""
    labels = read_idx(path)
    if labels.shape != (count,):
        raise InputError(f"{path} must hold {count} labels, not {labels.shape}")
    return labels


def first_bytes(raw: bytes) -> str:
    """Return the first four bytes in hexadecimal, for errors."""
    return raw[:4].hex(" ") or "nothing"
