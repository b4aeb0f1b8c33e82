"""The page to play with: its static files, and the local service that puts a device behind it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PAGE"]

PAGE = Path(__file__).parent / "page"
"""Folder of the page's files. In a checkout its `skeletons` is a link to the shipped ones."""
