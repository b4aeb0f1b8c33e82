"""Writing files whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golden.errors import InputError

__all__ = ["replacing", "write_json"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, and rename it to ``path`` once the block is through.

    Its folder is made where missing. What cannot be written raises `InputError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} must be writable: {error.strerror or error}") from error


def write_json(file: Path, values: Any, indent: int = 2) -> None:
    """Write values as JSON for people and programs."""
    with replacing(file) as path:
        path.write_text(json.dumps(values, indent=indent) + "\n", encoding="utf-8")
