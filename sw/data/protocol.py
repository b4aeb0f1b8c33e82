"""The protocol's number, apart from numpy: the command line shows it in its help."""

from __future__ import annotations

__all__ = ["SHARE"]

SHARE = 0.7
"""Share of the pixels that the protocol blanks."""
