"""From generated sources to a library that Python loads: built once, checked before it is used."""

import ctypes
import hashlib
import shutil

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, lock, read_json, write_json

__all__ = ["NAME", "is_whole", "kept_library", "load_library"]

NAME, STAMP = "design.so", "design.json"


def kept_library(folder, compile_into, say):
    """Return the library in a folder; built there unless it is whole.

    ``compile_into`` makes it in the folder that it is given; nothing half made stays. Of several
    processes that need it one builds it, and the others wait.
    """
    if is_whole(folder):
        return folder / NAME
    part = folder.with_name(f"{folder.name}.part")
    with lock(folder.parent, lambda: say(f"waiting for another build in {folder.parent}")):
        if is_whole(folder):  # built while we waited
            return folder / NAME
        try:
            for stale in (part, folder):  # of a process that was killed, or damaged since
                shutil.rmtree(stale, ignore_errors=True)
            part.mkdir()
            compile_into(part)
            require_library(part / NAME)
            write_json(part / STAMP, {"sha256": digest(part / NAME)})
            part.rename(folder)
        except OSError as error:
            raise InputError(f"{folder} must be writable: {reason(error)}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder / NAME


def require_library(path):
    """Raise unless a compiler, whatever its exit code, has left a library that can be loaded."""
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        what = reason(error).removeprefix(f"{path}: ")
        raise ToolError(f"the C++ compiler must leave a library, see CXX: {what}") from error


def is_whole(folder):
    """Whether a folder holds a library that is what was built."""
    if not (is_file(folder / NAME) and is_file(folder / STAMP)):
        return False
    try:
        return read_json(folder / STAMP) == {"sha256": digest(folder / NAME)}
    except (InputError, OSError):
        return False


def digest(path):
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_library(path):
    """Load a library."""
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(f"{path} cannot be loaded: {reason(error)}; remove its folder") from error
