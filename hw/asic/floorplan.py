"""Where the SRAMs of a chip lie: in rows at the bottom of the die, the logic above them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hw.asic.srams import Sram

__all__ = ["Floorplan", "floorplan", "shelves", "with_gap"]

UTILISATION = 0.45
"""Share of the logic's room that its cells take; the rest is for wires, buffers and the clock."""

GAP = 40
"""Micrometres around an SRAM: its pins are reached there."""

MARGIN = 30
"""Micrometres between the die's edge and what lies on it, for rings and pins."""


@dataclass(frozen=True)
class Floorplan:
    """A die and the lower left corner of each SRAM, in micrometres."""

    die: tuple[int, int]
    places: dict[str, tuple[int, int]]


def floorplan(cells: float, srams: Mapping[str, Sram]) -> Floorplan:
    """Return the die with the shortest longer side.

    Parameters
    ----------
    cells : float
        Area of the cells in square micrometres.
    srams : dict of str to Sram
        The SRAM of each instance; they are laid the highest first, from left to right.
    """
    sizes = with_gap(srams, GAP)
    logic = cells / UTILISATION
    area = logic + sum(width * height for width, height in sizes.values())
    least = max([width for width, _ in sizes.values()], default=0.0)
    widths = (max(math.sqrt(area) * share / 100, least) for share in range(60, 160, 5))
    return min(
        (of_width(math.ceil(width), logic, sizes) for width in widths),
        key=lambda plan: (max(plan.die), math.prod(plan.die)),
    )


def of_width(width: int, logic: float, sizes: Mapping[str, tuple[float, float]]) -> Floorplan:
    """Return the die of a width: SRAMs in rows, then room for the logic."""
    places, top = shelves(width, sizes)
    top += math.ceil(logic / width)
    die = width + 2 * MARGIN, top + 2 * MARGIN
    return Floorplan(die, {name: (x + MARGIN, y + MARGIN) for name, (x, y) in places.items()})


def with_gap(srams: Mapping[Any, Sram], gap: int) -> dict[Any, tuple[float, float]]:
    """Return the room that each SRAM takes with a gap beside it, in micrometres."""
    return {name: (sram.size[0] + gap, sram.size[1] + gap) for name, sram in srams.items()}


def shelves(
    width: float, sizes: Mapping[Any, tuple[float, float]]
) -> tuple[dict[Any, tuple[int, int]], int]:
    """Return where blocks lie in rows of a width, the highest first, and how high all rows are."""
    places: dict[Any, tuple[int, int]] = {}
    x, y, height = 0, 0, 0
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1][1], item[0])):
        if x + size[0] > width:
            x, y, height = 0, y + height, 0
        places[name] = x, y
        x, height = x + math.ceil(size[0]), max(height, math.ceil(size[1]))
    return places, y + height
