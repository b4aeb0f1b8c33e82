"""The picture of docs/asic.md: the area of each block of a chip, as bars, in SVG."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from golden.files import replacement
from sw.experiments.asic import read_reports

__all__ = ["PICTURE", "draw_areas", "picture"]

PICTURE = "asic/area.svg"
"""Where the picture is below `docs`."""

DESIGNS = ("f1", "hardwired", "tiny")
COLOURS = {"sg13g2": "#3b6ea5", "sky130": "#c0762b"}
LEFT, LONGEST, RIGHT = 150, 430, 80
"""Pixels for a block's name, for the longest bar of a design, and for a number."""

BAR, GAP, HEAD = 11, 7, 34
"""Pixels of a bar's height, between two blocks, and of a design's heading."""

LEAST = 0.004
"""Share of a design's area below which a block goes into the last row."""


def draw_areas(docs: Path) -> Path:
    """Draw the picture below ``docs``; return its path."""
    path = docs / PICTURE
    with replacement(path) as temporary:
        temporary.write_text(picture(read_reports()), encoding="utf-8")
    return path


def picture(reports: Iterable[Mapping[str, Any]]) -> str:
    """Return the picture of what was reported of chips at typical corners."""
    typical = [report for report in reports if report["corner"]["name"] == "typ"]
    y, parts = 26, [legend()]
    for design in DESIGNS:
        areas = {r["library"]: blocks(r) for r in typical if r["design"] == design}
        y, lines = panel(design, areas, y)
        parts += lines
    width = LEFT + LONGEST + RIGHT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="11">'
    )
    back = f'<rect width="{width}" height="{y}" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>", ""])


def blocks(report: Mapping[str, Any]) -> Counter[str]:
    """Return the area of each block in mm2: perception is one block, and so are all small ones."""
    found: Counter[str] = Counter()
    for name, block in report["blocks"].items():
        name = re.sub(r"perceive\d+$", "perceive (all)", name)
        found[name] += block["area_mm2"]
    for name in [name for name, area in found.items() if area < LEAST * report["area_mm2"]]:
        found["others"] += found.pop(name)
    return found


def panel(design: str, areas: Mapping[str, Counter[str]], y: int) -> tuple[int, list[str]]:
    """Return where the next design begins, and the bars of this one."""
    first = next(iter(areas.values()))
    names = [name for name, _ in first.most_common() if name != "others"]
    names += [name for found in areas.values() for name in found if name not in names]
    most = max(area for found in areas.values() for area in found.values())
    lines = [text(8, y + 18, design, weight="bold")]
    y += HEAD
    for name in dict.fromkeys(names):
        lines.append(text(LEFT - 8, y + BAR * len(areas) / 2 + 4, name, anchor="end"))
        for library, found in areas.items():
            length = round(LONGEST * found[name] / most, 1)
            lines.append(
                f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR - 1}" '
                f'fill="{COLOURS[library]}"/>'
            )
            lines.append(text(LEFT + length + 5, y + BAR - 1, f"{found[name]:.3f}"))
            y += BAR
        y += GAP
    return y + GAP, lines


def legend() -> str:
    """Return the colours of the libraries."""
    lines, x = [text(LEFT, 16, "mm2 of cells:")], LEFT + 90
    for library, colour in COLOURS.items():
        lines += [f'<rect x="{x}" y="7" width="10" height="10" fill="{colour}"/>']
        lines += [text(x + 15, 16, library)]
        x += 80
    return "\n".join(lines)


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    """Return some words."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="#222222">{escape(words)}</text>'
    )
