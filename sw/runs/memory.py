"""Memory: the C library asked to keep what is freed, for runs that take as much again."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_memory"]


def keep_memory() -> None:
    """Ask the C library to keep freed tensors: fetching fresh pages costs a quarter of a batch."""
    library = ctypes.CDLL(None)
    if sys.platform == "linux" and hasattr(library, "mallopt"):
        for parameter, value in ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 28)):
            library.mallopt(parameter, value)  # mmap threshold, trim threshold, top pad
