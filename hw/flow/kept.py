"""Results of a tool that are kept: a record tells what a file was made of, and its checksum."""

import hashlib
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import read_bytes, read_json, write_json

__all__ = ["digest", "read_kept", "write_kept"]


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_kept(record: Path, file: Path, stamp: str) -> dict[str, Any] | None:
    """Return the record of a file; None unless the file is whole and was made of ``stamp``."""
    try:
        result = read_json(record)
        same = result["stamp"] == stamp and result["digest"] == digest(read_bytes(file))
        return result if same else None
    except (InputError, KeyError, TypeError):
        return None


def write_kept(record: Path, file: Path, stamp: str, **results: Any) -> dict[str, Any]:
    """Write the record of a file that is whole: its stamp, its checksum and ``results``.

    Returns the record.
    """
    result = {"stamp": stamp, **results, "digest": digest(read_bytes(file))}
    write_json(record, result)
    return result
