"""Publish results: copy the files of a measurement into the docs of a checkout."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from golden.errors import InputError
from golden.files import ROOT, is_dir, replacement
from sw.runs.writable import require_writable

__all__ = ["DOCS", "publish", "require_docs", "require_test_digits"]

DOCS = ROOT / "docs"


def publish(files: Mapping[str, Path], docs: Path) -> None:
    """Copy each file to its name below ``docs``, whole or not at all."""
    for name, file in files.items():
        with replacement(docs / name) as temporary:
            shutil.copyfile(file, temporary)


def require_docs(docs: Path, *names: str) -> None:
    """Raise `InputError` unless ``docs`` is a folder and files of these names can be written."""
    if not is_dir(docs):
        raise InputError(f"{docs} must be a folder: only a checkout of the project has docs")
    require_writable(*(docs / name for name in names))


def require_test_digits(rows: Iterable[str]) -> None:
    """Raise `InputError` unless all of a measurement's digits are MNIST's test digits.

    ``rows`` are the names of its digits: "test", or "show" for the digits that need no download.
    """
    for row in rows:
        if row != "test":
            raise InputError(
                f"Results in docs must be of MNIST's test digits, not of its {row} digits: "
                "--data names a folder"
            )
