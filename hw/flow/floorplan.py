"""The floor plan: which multiplier of the die serves which processing element.

A sum goes from element to element. A placer that knows nothing of chains puts some neighbours far
from each other, and their wire is then the chip's slowest path.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.array.mix import GROUP

if TYPE_CHECKING:
    from hw.boards.catalogue import Part

__all__ = ["SOURCE", "fix_multipliers", "floor_plan"]

SOURCE = Path(__file__)
"""This file: a netlist depends on it."""

ELEMENT = re.compile(r"\.lane(\d+)\.(?:perceive|mix(\d+))\.pe(\d+)\.")

OFFSETS = (0, 1, 4, 5)
"""Columns of a DSP block's multipliers, from its own; they name its sites, too."""


def fix_multipliers(netlist: dict[str, Any], part: Part) -> None:
    """Give the multipliers of a netlist, as Yosys writes it, their places on the die."""
    for module in netlist["modules"].values():
        cells = module.get("cells", {})
        for name, place in floor_plan(cells, part).items():
            cells[name].setdefault("attributes", {})["BEL"] = place


def floor_plan(names: Iterable[str], part: Part) -> dict[str, str]:
    """Return nextpnr's name of the place of each multiplier that is a processing element's.

    Each lane takes a strip across all rows of DSP blocks. Its perception chain begins the first
    row, the middle one; its mixing elements follow. What has no room left is not placed.
    """
    lanes: dict[int, list[tuple[tuple[int, ...], str]]] = defaultdict(list)
    for name in names:
        if found := ELEMENT.search(name):
            lane, column, element = found.groups()
            lanes[int(lane)].append((order(column, int(element)), name))
    rows, begin, plan = sites(part), 0, {}
    for _, elements in sorted(lanes.items()):
        width = math.ceil(len(elements) / len(rows))
        strip = [place for row in rows for place in row[begin : begin + width]]
        plan |= dict(zip((name for _, name in sorted(elements)), strip, strict=False))
        begin += width
    return plan


def order(column: str | None, element: int) -> tuple[int, ...]:
    """Return what to sort a lane's elements by: chains in their order, then groups of the mixing.

    A group shares a register of the hidden code. The next column's elements of the same group take
    its sums.
    """
    if column is None:
        return (0, -element)
    return (1, element // GROUP, int(column), element)


def sites(part: Part) -> list[list[str]]:
    """Return the names of a die's multipliers from left to right, the middle row first."""
    rows = [
        [f"X{left + x}/Y{row}/MULT18_{x}" for left in part.dsp_columns for x in OFFSETS]
        for row in part.dsp_rows
    ]
    middle = len(rows) // 2
    return [rows[middle], *rows[:middle], *rows[middle + 1 :]]
