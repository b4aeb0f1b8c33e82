"""The tiles of Tiny Tapeout on IHP's process: which of them a chip needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from golden.errors import InputError
from hw.asic.floorplan import shelves, with_gap
from hw.asic.srams import Sram

__all__ = ["TILES", "fit", "place", "report", "require_fit"]

TILES = {
    "1x1": (202.08, 154.98),
    "1x2": (202.08, 313.74),
    "2x2": (419.52, 313.74),
    "3x2": (636.96, 313.74),
    "4x2": (854.4, 313.74),
    "6x2": (1289.28, 313.74),
    "8x2": (1724.16, 313.74),
    "3x4": (636.96, 710.64),
    "4x4": (854.4, 710.64),
    "5x4": (1071.84, 710.64),
    "6x4": (1289.28, 710.64),
    "8x4": (1724.16, 710.64),
}
"""Width and height in micrometres of a project of so many tiles."""

DENSITY = 0.6
"""Share of the room beside the SRAMs that cells may take: what Tiny Tapeout sets."""

GAP = 20
"""Micrometres around an SRAM: less than a chip of its own has, since tiles are scarce."""

MARGIN = 10
"""Micrometres at the edge of the tiles."""


def fit(cells: float, srams: Mapping[Any, Sram]) -> str | None:
    """Return the smallest group of tiles that a chip fits into; None where it fits into none.

    ``cells`` is the area of its cells in square micrometres.
    """
    groups = sorted(TILES, key=lambda name: math.prod(TILES[name]))
    return next((name for name in groups if has_room(name, cells, srams)), None)


def has_room(name: str, cells: float, srams: Mapping[Any, Sram]) -> bool:
    """Whether a chip fits into a group of tiles."""
    width, height = (side - 2 * MARGIN for side in TILES[name])
    sizes = with_gap(srams, GAP)
    _, top = shelves(width, sizes)
    widest = max([size[0] for size in sizes.values()], default=0.0)
    return widest <= width and width * (height - top) * DENSITY >= cells


def place(name: str, srams: Mapping[Any, Sram]) -> dict[Any, tuple[int, int]]:
    """Return the lower left corner of each SRAM within a group of tiles."""
    places, _ = shelves(TILES[name][0] - 2 * MARGIN, with_gap(srams, GAP))
    return {sram: (x + MARGIN, y + MARGIN) for sram, (x, y) in places.items()}


def report(cells: float, srams: Mapping[Any, Sram]) -> dict[str, Any]:
    """Return the tiles that a chip needs as JSON values; areas are square millimetres."""
    name = fit(cells, srams)
    found = {"cells_mm2": cells * 1e-6, "srams_mm2": sum(s.area for s in srams.values()) * 1e-6}
    found |= {"density": DENSITY}
    if name is None:
        return {"tiles": None, **found}
    columns, rows = map(int, name.split("x"))
    area = math.prod(TILES[name]) * 1e-6
    return {"tiles": name, "count": columns * rows, "tiles_mm2": round(area, 4)} | {
        key: round(value, 4) for key, value in found.items()
    }


def require_fit(cells: float, srams: Mapping[Any, Sram]) -> str:
    """Return the smallest group of tiles that a chip fits into; raise where there is none."""
    name = fit(cells, srams)
    if name is None:
        raise InputError("The chip must fit into 8x4 tiles of Tiny Tapeout: it is too large")
    return name
