"""Compiled libraries that are kept: built once, and trusted only where they are what was built."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, lock, replacement

__all__ = ["is_whole", "keep_library", "load_library", "stamp", "write_stamp"]


def keep_library(
    path: Path, folder: Path, build: Callable[[], None], waiting: Callable[[], None]
) -> Path:
    """Return the library at ``path``; built there unless it is whole.

    Of several processes that need it one builds it, and the others wait: ``folder`` is locked
    meanwhile. ``build`` ends with `write_stamp`; ``waiting`` is called before a wait.
    """
    if not is_whole(path):
        with lock(folder, waiting):
            if not is_whole(path):  # built while we waited
                build()
    return path


def is_whole(path: Path) -> bool:
    """Whether a library is there, and is the one whose checksum was written beside it."""
    try:
        return (
            is_file(path)
            and is_file(stamp(path))
            and stamp(path).read_bytes() == checksum(path).encode()
        )
    except (InputError, OSError):
        return False


def stamp(path: Path) -> Path:
    """Return the path of the file with a library's checksum."""
    return path.with_suffix(".sha256")


def write_stamp(path: Path) -> None:
    """Write the checksum of a library."""
    with replacement(stamp(path)) as file:
        file.write_text(checksum(path), encoding="ascii")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_library(path: Path, functions: Iterable[str] = ()) -> ctypes.CDLL:
    """Load a library; raise `ToolError` unless it can be loaded and has the functions."""
    try:
        found = ctypes.CDLL(str(path))
        for name in functions:
            getattr(found, name)
    except (OSError, AttributeError) as error:
        text = reason(error).removeprefix(f"{path}: ")
        raise ToolError(f"{path} cannot be loaded: {text}") from error
    return found
