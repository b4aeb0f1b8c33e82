"""Whether results can be written, asked before the work and not after hours of it."""

from __future__ import annotations

from pathlib import Path

from golden.files import require_replaceable
from sw.outputs import prepare

__all__ = ["require_writable"]


def require_writable(*files: Path) -> None:
    """Make the folders of files that are to be written; raise where that, or they, cannot be."""
    for file in files:
        prepare(file.parent)
        require_replaceable(file)
