"""The IDX format of MNIST: big-endian sizes, then bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from golden.errors import InputError

__all__ = ["read_idx", "read_images", "read_labels"]

GZIP_MAGIC = b"\x1f\x8b"


def unpacked(path: Path) -> bytes:
    """Return the bytes of a file, gunzipped where it is gzipped."""
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} must be a whole gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"{path} must be a readable file: {error.strerror}") from error


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes, any number of dimensions: uint8, as the file says."""
    raw = unpacked(path)
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or raw[3] == 0:
        raise InputError(
            f"{path} must start with the IDX magic of bytes, 00 00 08, not {hexed(raw)}"
        )
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise InputError(f"{path} must have an IDX header of {start} bytes, not {len(raw)}")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    wanted = int(np.prod(shape, dtype=object))
    if len(raw) - start != wanted:
        raise InputError(
            f"{path} must have {wanted} bytes of data, as its header says, not {len(raw) - start}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy()  # writable, for torch


def read_images(path: Path, size: int = 28) -> np.ndarray:
    """Read an IDX file of images: uint8 (n, size, size)."""
    images = read_idx(path)
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


def hexed(raw: bytes) -> str:
    """Return the first four bytes for a reader."""
    return raw[:4].hex(" ") or "nothing"
