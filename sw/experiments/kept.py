"""Results that are kept: the key that says what decides them, and how they are read back.

Each kind of result has a version, an integer that is raised by whoever changes its meaning. The
source text decides nothing: a comment or a moved file costs no second run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import is_file, read_bytes, read_json
from sw.judge.referee import WEIGHTS

__all__ = ["PROTOCOL", "key_of", "read_kept"]

PROTOCOL = 1
"""Version of what all results share: golden's arithmetic, and how digits are damaged and judged."""


def key_of(name: str, version: int, *decides: Any) -> str:
    """Return a digest of what decides a result, to keep it under.

    Parameters
    ----------
    name, version
        What was measured, and the version of how.
    decides
        All that it was measured on: JSON values, bytes, arrays, paths of files of which the content
        counts, and lists and mappings of these. A file may be missing.
    """
    sha = hashlib.sha256()
    take(sha.update, [PROTOCOL, WEIGHTS, name, version, decides])
    return sha.hexdigest()


def take(update: Callable[[bytes], object], part: Any) -> None:
    """Give a digest one part, so that no two different ones look alike."""
    if isinstance(part, Path):
        take(update, read_bytes(part) if is_file(part) else None)
    elif isinstance(part, np.ndarray):
        take(update, [part.dtype.str, list(part.shape), np.ascontiguousarray(part).tobytes()])
    elif isinstance(part, Mapping):
        take(update, [list(pair) for pair in part.items()])
    elif isinstance(part, list | tuple):
        update(b"list of %d\n" % len(part))
        for each in part:
            take(update, each)
    else:
        kind, raw = ("bytes", part) if isinstance(part, bytes) else ("json", as_json(part))
        update(f"{kind} of {len(raw)}\n".encode() + raw)


def as_json(part: Any) -> bytes:
    """Return a JSON value as bytes."""
    return json.dumps(part).encode()


def read_kept(path: Path) -> dict[str, Any] | None:
    """Return the result that is kept in a file; None where it is not there, or not whole."""
    try:
        found = read_json(path)
    except InputError:
        return None
    return found if isinstance(found, dict) else None
