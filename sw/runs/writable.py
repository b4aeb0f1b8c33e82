"""Whether results can be written, asked before the work and not after hours of it."""

from __future__ import annotations

import os
from pathlib import Path

from golden.errors import InputError, reason
from golden.files import require_replaceable

__all__ = ["require_folders", "require_writable"]


def require_folders(*folders: Path) -> None:
    """Make the output folders before the work, so that a wrong path is refused at once."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} must be a writable folder: {reason(error)}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{folder} must be a writable folder")


def require_writable(*files: Path) -> None:
    """Make the folders of files that are to be written; raise where that, or they, cannot be."""
    for file in files:
        require_folders(file.parent)
        require_replaceable(file)
