"""Files: functions that inspect, read and write them, and raise `InputError` naming the file.

The exceptions of pathlib and of libraries differ from system to system. These functions turn all of
them into one kind of error.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from golden.errors import InputError, reason

__all__ = [
    "LARGEST",
    "ROOT",
    "exists",
    "is_dir",
    "is_file",
    "lock",
    "parse_json",
    "read_bytes",
    "read_json",
    "reading",
    "remove",
    "replacement",
    "require_regular",
    "require_replaceable",
    "resolve",
    "write_json",
]

ROOT = Path(__file__).parents[1]
"""The folder of the packages: the root of a checkout."""

LARGEST = 512 << 20
"""Bytes of the largest file that is read whole, unpacked or not."""


def exists(path: Path) -> bool:
    """Whether something is at ``path``; raise if the system does not tell."""
    return mode(path) is not None


def is_file(path: Path) -> bool:
    """Whether a regular file is at ``path``; raise if the system does not tell."""
    found = mode(path)
    return found is not None and stat.S_ISREG(found)


def is_dir(path: Path) -> bool:
    """Whether a folder is at ``path``; raise if the system does not tell."""
    found = mode(path)
    return found is not None and stat.S_ISDIR(found)


def mode(path: Path) -> int | None:
    """Return the mode of the file or folder at ``path``, links followed; None if there is none."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # no permission, a name too long, links in a circle
        raise InputError(f"{path} cannot be looked at: {reason(error)}") from error


def resolve(path: Path) -> Path:
    """Return ``path`` without links and dots; raise if it cannot be followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be followed: {reason(error)}") from error


@contextmanager
def reading(path: Path | str, wanted: str) -> Iterator[None]:
    """Turn any exception of a library into an `InputError`: ``PATH must be WANTED: reason``."""
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:  # the file may be correct
        raise InputError(f"{path} cannot be read: there is not enough memory") from error
    except Exception as error:  # each library has its own types, and they change
        if isinstance(error, OSError) and error.errno is not None:  # of the system
            wanted = "a readable file"
        raise InputError(f"{path} must be {wanted}: {reason(error)}") from error


def require_regular(path: Path, most: int = LARGEST) -> None:
    """Raise unless a file of at most ``most`` bytes is at ``path``, for a library to read."""
    found = mode(path)
    if found is None:
        raise InputError(f"{path} must be a readable file: {os.strerror(errno.ENOENT)}")
    if not stat.S_ISREG(found):
        raise InputError(f"{path} must be a file, not {kind_of(path)}")
    with reading(path, "a readable file"), open(path, "rb") as file:  # some do not say why
        size = os.fstat(file.fileno()).st_size
    if size > most:
        raise InputError(f"{path} must have at most {most:,} bytes")


def read_bytes(path: Path, most: int = LARGEST, *, once: bool = False) -> bytes:
    """Return the contents of a file of at most ``most`` bytes.

    With ``once``, it may also be a pipe or a terminal, which can be read only once.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for a writer that may never come.
        flags = os.O_RDONLY | (0 if once else os.O_NONBLOCK)
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            found = os.fstat(file.fileno())
            if not once and not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path} must be a file, not {kind_of(path)}")
            data = b"" if found.st_size > most else file.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} must be a readable file: {reason(error)}") from error
    if max(len(data), found.st_size) > most:
        raise InputError(f"{path} must have at most {most:,} bytes")
    return data


def kind_of(path: Path) -> str:
    """Return in words what kind of file is at ``path``."""
    found = mode(path)
    kinds = {
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a named pipe",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((name for test, name in kinds.items() if found and test(found)), "something else")


def parse_json(text: str, path: Path | str) -> Any:
    """Return the values of a JSON text; raise for a repeated key, NaN and Infinity.

    Errors name ``path``.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{path} must have the key {twice!r} once, not twice")
        return values

    def refuse(word: str) -> None:
        raise InputError(f"{path} must be JSON: {word} is not a number")

    with reading(path, "JSON"):
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)


def read_json(path: Path) -> Any:
    """Return the values of a JSON file, as `parse_json` does."""
    with reading(path, "JSON"):
        return parse_json(read_bytes(path).decode("utf-8"), path)


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` after a block without error.

    Makes the folder if it is missing, and follows a link. Raises `InputError` if ``path`` cannot be
    written or is something else than a file: a device would be replaced by a file.
    """
    require_replaceable(path)
    path = resolve(path) if path.is_symlink() else path
    temporary = path.with_name(temporary_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise InputError(f"{path} must be writable: {reason(error)}") from error


def require_replaceable(path: Path) -> None:
    """Raise if something else than a file is at ``path``, links followed."""
    found = mode(path)
    if found is not None and not stat.S_ISREG(found):
        raise InputError(f"{path} must be a file to write, not {kind_of(path)}")


def remove(path: Path) -> None:
    """Remove a file, if it exists."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} must be removable: {reason(error)}") from error


def temporary_name(name: str) -> str:
    """Return the temporary name of a file: short, unique to this process, with the same ending.

    Some libraries choose the format by the ending.
    """
    suffix = Path(name).suffix
    ending = suffix if len(os.fsencode(suffix)) <= 8 else ""
    return f".{zlib.crc32(os.fsencode(name)):08x}.{os.getpid()}.part{ending}"


@contextmanager
def lock(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Make a folder and lock it against other callers of `lock`; wait until it is free.

    ``waiting`` is called before a wait. The folder itself is the lock, so no lock file remains.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{folder} must be a writable folder: {reason(error)}") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # some network drives have no locks
            pass
        yield
    finally:
        os.close(file)


def write_json(file: Path, values: Any, indent: int = 2) -> None:
    """Write values as JSON, indented."""
    text = json.dumps(values, indent=indent, allow_nan=False) + "\n"
    with replacement(file) as path:
        path.write_text(text, encoding="utf-8")
