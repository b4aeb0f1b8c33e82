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

ELEMENT = re.compile(r"\.lane(\d+)\.(?:perceive|mix(\d+))\.pe(\d+)\.multiplier\.block$")
"""Name of a multiplier that is a processing element's."""

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

    Each lane takes a strip across all rows of DSP blocks: its perception chain lies in the middle
    row, its mixing in the others. What has no room is not placed, nor is a die of one row: there a
    placer does as well by itself.
    """
    rows = sites(part)
    if len(rows) == 1:
        return {}
    lanes: dict[int, dict[tuple[int, int], list[tuple[int, str]]]] = {}
    for name in names:
        if found := ELEMENT.search(name):
            lane, column, element = found.groups()
            units = lanes.setdefault(int(lane), defaultdict(list))
            units[unit(column, int(element))].append((int(element), name))
    begin, plan = 0, {}
    for lane, width in widths(lanes, rows).items():
        strip = [row[begin : begin + width] for row in rows]
        begin += width
        for (group, _), elements in sorted(lanes[lane].items()):
            ordered = [name for _, name in sorted(elements, reverse=group < 0)]
            plan |= dict(zip(ordered, take(strip, len(ordered), group), strict=False))
    return plan


def unit(column: str | None, element: int) -> tuple[int, int]:
    """Return the group and the column of an element; those of a unit lie side by side.

    A group of the mixing shares a register of the hidden code, and the next column's elements of
    the same group take its sums. Perception is the group -1.
    """
    return (-1, 0) if column is None else (element // GROUP, int(column))


def widths(lanes: dict[int, Any], rows: list[list[str]]) -> dict[int, int]:
    """Return how many multipliers of a row each lane's strip takes; what is left widens them."""
    found = {
        lane: math.ceil(sum(map(len, units.values())) / len(rows))
        for lane, units in sorted(lanes.items())
    }
    for _ in range(len(rows[0]) - sum(found.values()) if found else 0):
        found[min(found, key=lambda lane: found[lane])] += 1
    return found


def take(strip: list[list[str]], count: int, group: int) -> list[str]:
    """Take places off a strip: of the group's own row if it has as many, else of what it has."""
    own = 0 if group < 0 else len(strip) - 1 - group % (len(strip) - 1)
    near = sorted(strip, key=lambda row: row is not strip[own])
    whole = next((row for row in near if len(row) >= count), None)
    places: list[str] = []
    for row in near if whole is None else [whole]:
        room = count - len(places)
        places += row[:room]
        del row[:room]
    return places


def sites(part: Part) -> list[list[str]]:
    """Return the names of a die's multipliers from left to right, the middle row first."""
    rows = [
        [f"X{left + x}/Y{row}/MULT18_{x}" for left in part.dsp_columns for x in OFFSETS]
        for row in part.dsp_rows
    ]
    middle = len(rows) // 2
    return [rows[middle], *rows[:middle], *rows[middle + 1 :]]
