"""From generated sources to a library that Python loads: one folder, made whole or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

from golden.errors import InputError, ToolError, reason
from golden.library import keep_library, load_library, write_stamp

__all__ = ["NAME", "kept_library"]

NAME = "design.so"


def kept_library(
    folder: Path, compile_into: Callable[[Path], None], say: Callable[[str], None]
) -> Path:
    """Return the library in a folder; built there unless it is whole.

    ``compile_into`` makes it in the folder that it is given; nothing half made stays. Of several
    processes that need it one builds it, and the others wait.
    """

    def build() -> None:
        part = folder.with_name(f"{folder.name}.part")
        try:
            for stale in (part, folder):  # of a process that was killed, or damaged since
                shutil.rmtree(stale, ignore_errors=True)
            part.mkdir()
            compile_into(part)
            require_library(part / NAME)
            write_stamp(part / NAME)
            part.rename(folder)
        except OSError as error:
            raise InputError(f"{folder} must be writable: {reason(error)}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    waiting = f"waiting for another build in {folder.parent}"
    return keep_library(folder / NAME, folder.parent, build, lambda: say(waiting))


def require_library(path: Path) -> None:
    """Raise unless a compiler, whatever its exit code, has left a library that can be loaded."""
    try:
        load_library(path)
    except ToolError as error:
        raise ToolError(f"the C++ compiler must leave a library, see CXX: {error}") from error
