"""The protocol's share of blanked pixels; without numpy, so that the command line starts fast."""

from __future__ import annotations

__all__ = ["SHARE"]

SHARE = 0.7
"""Share of the pixels that the protocol blanks."""
