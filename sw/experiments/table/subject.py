"""A subject of the comparison: something that restores digits, and what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.files import ROOT

__all__ = ["Claim", "Progress", "Restore", "Subject", "digest_of"]

Progress = Callable[[int], None]
"""Takes how many digits are done since it was called last."""

Restore = Callable[[np.ndarray, np.ndarray, Progress], np.ndarray]
"""Takes damaged images uint8 (n, h, w), what was blanked, bool, and gives restored images."""


@dataclass(frozen=True)
class Claim:
    """What the source idea says that its like restores."""

    psnr: float
    """dB."""
    digit_id: float
    """%."""
    flop: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One row of the table."""

    name: str
    restore: Restore
    identity: str
    """Digest of its weights and code: rows measured with the same one need no second run."""
    given_mask: bool = False
    """Whether ``restore`` looks at what was blanked."""
    curve: bool = False
    """Whether it is measured against other damage too."""
    parameters: int = 0
    macs: Callable[[], int] | None = None
    """Counts the multiply-accumulates of a digit; None where no tool can."""
    link_bytes: int | None = None
    """Bytes over the link a digit; None where there is no link."""
    claim: Claim | None = None
    most: int | None = None
    """Digits to restore at most, for what is slow."""


def digest_of(*parts: Path | str | bytes) -> str:
    """Return the SHA-256 of files, of folders' Python and C++ files, and of texts.

    A path that is not absolute is one of this project, and must be there.
    """
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            path = ROOT / part
            if not part.is_absolute() and not path.exists():
                raise FileNotFoundError(f"{path} decides what is measured, and is not there")
            found = [path] if path.is_file() else sorted(path.rglob("*.[pch]*"))
            for file in found:
                if file.suffix in {".py", ".cpp", ".h", ".json", ".safetensors"}:
                    sha.update(file.name.encode() + b"\0" + file.read_bytes())
        else:
            sha.update(part.encode() if isinstance(part, str) else part)
        sha.update(b"\1")
    return sha.hexdigest()
