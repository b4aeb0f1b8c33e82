"""Generated parts of README and docs: tables between markers, made from measured JSON.

A part lies between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``; everything else in the file
is written by hand.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from golden.errors import InputError
from golden.files import ROOT, replacement

__all__ = ["paragraph", "table", "update"]

WIDTH = 120
"""Columns of a line outside of tables."""

PART = re.compile(r"(<!-- begin: ([a-z-]+) -->\n)(.*?)(<!-- end: \2 -->)", re.DOTALL)


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    headings = list(headings)
    lines = [headings, ["---"] * len(headings), *(map(str, row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def paragraph(text: str) -> str:
    """Return a text as a paragraph with lines of at most `WIDTH` columns."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def update(parts: Mapping[str, str], *, check: bool = False) -> list[Path]:
    """Write the parts into README and docs; return the files that were out of date.

    With ``check``, nothing is written.
    """
    stale = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        for _, name, *_ in PART.findall(text):
            if name not in parts:
                raise InputError(f"{path} must not have a part {name!r}: nothing makes it")
        new = PART.sub(lambda part: part[1] + parts[part[2]] + part[4], text)
        if new != text:
            stale.append(path)
            if not check:
                with replacement(path) as temporary:
                    temporary.write_text(new, encoding="utf-8")
    return stale
