"""The text form of a bitstream: find the block memories of the skeletons, and replace contents.

nextpnr numbers the block memories in the order in which it finds them. The flow numbers them again:
those of the skeletons begin at `FIRST`, the identities first. So a bitstream alone shows which
block memories hold skeletons.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from amaranth import Shape

from hw.boards.ecp5 import read_tiles, tile_words
from hw.flow.verilog import memory_path
from hw.shapes import Geometry
from hw.skeleton_memory import layouts, pitch_of

__all__ = [
    "FIRST",
    "NINES",
    "cells",
    "contents",
    "memories",
    "numbers",
    "renumber",
    "replace_memories",
    "sections",
    "wids",
]

FIRST = 3
"""The lowest number that nextpnr gives."""

NINES = 2048
"""Groups of nine bits in a block memory: a configuration lists its contents so."""

SECTION = re.compile(r"^\.bram_init (\d+)\n((?:[0-9a-f]{3}[ \n])+)\n?", re.M)
NUMBER = re.compile(r"(\.WID )([01]{9})$", re.M)


def tiles(
    geometry: Geometry, images: Mapping[str, Sequence[int]] | None = None
) -> list[tuple[str, int, tuple[int, int], int, list[int]]]:
    """Return the block memories that make up the skeleton memories, in order.

    Each is a skeleton memory's name, an index in it, the range of the memory's bits, the width of
    the block memory and its rows; rows are 0 without ``images``.
    """
    found = []
    for name in ["identity", *geometry.scanned[:-1]]:
        width = Shape.cast(layouts(geometry)[name]).width
        rows = images[name] if images else [0] * (pitch_of(geometry, name) * geometry.skeletons)
        _, bits, parts = read_tiles(rows, width)
        found += [(name, index, part[:2], bits, part[2]) for index, part in enumerate(parts)]
    return found


def cells(geometry: Geometry) -> list[str]:
    """Return the names of the block memories that hold skeletons."""
    names = [(memory_path(name), index) for name, index, *_ in tiles(geometry)]
    return [f"board.linked.chip.{path}.tile{index}" for path, index in names]


def contents(geometry: Geometry, images: Mapping[str, Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the contents of each of `cells`, in the same order: `NINES` groups of nine bits.

    ``images`` are the rows of the skeleton memories, by name.
    """
    words = [tile_words(rows, bits) for *_, bits, rows in tiles(geometry, images)]
    return [tuple(nine for word in tile for nine in (word & 511, word >> 9)) for tile in words]


def memories(geometry: Geometry, contents: Sequence[tuple[int, ...]]) -> dict[str, list[int]]:
    """Return the rows of the skeleton memories from the block memories: inverts `contents`."""
    rows = {
        name: [0] * (pitch_of(geometry, name) * geometry.skeletons) for name in geometry.scanned
    }
    for nines, (name, _, (low, _), bits, _) in zip(contents, tiles(geometry), strict=True):
        for index in range(len(rows[name])):
            if bits >= 9:
                count = bits // 9
                parts = nines[count * index : count * (index + 1)]
                value = sum(nine << 9 * place for place, nine in enumerate(parts))
            else:
                nine, place = divmod(index, 8 // bits)
                value = nines[nine] >> bits * place & (1 << bits) - 1
            rows[name][index] |= value << low
    return rows


def numbers(packed: dict[str, Any]) -> dict[str, int]:
    """Return the number of each block memory of a packed netlist, by name.

    ``packed`` are the values of the JSON that nextpnr writes.
    """
    modules = packed["modules"]
    (module,) = (m for m in modules.values() if int(m.get("attributes", {}).get("top", "0"), 2))
    return {
        name: int(cell["attributes"]["WID"], 2)
        for name, cell in module["cells"].items()
        if cell["type"] == "DP16KD"
    }


def renumber(text: str, numbers: Mapping[str, int], first: Sequence[str]) -> str:
    """Return a configuration with its block memories numbered from `FIRST` on, ``first`` first."""
    others = sorted(set(numbers.values()) - {numbers[name] for name in first})
    order = [*(numbers[name] for name in first), *others]
    new = {old: FIRST + place for place, old in enumerate(order)}

    def number(match):
        value = new[int(match[2][::-1], 2)]  # low bit first
        return match[1] + f"{value:09b}"[::-1]

    text = NUMBER.sub(number, text)
    return SECTION.sub(lambda match: f".bram_init {new[int(match[1])]}\n{match[2]}\n", text)


def wids(text: str) -> set[int]:
    """Return the numbers of all block memories that a configuration uses."""
    return {int(digits[::-1], 2) for _, digits in NUMBER.findall(text)}


def sections(text: str) -> dict[int, tuple[int, ...]]:
    """Return the contents of the block memories in a configuration, by number."""
    return {
        int(number): tuple(int(nine, 16) for nine in body.split())
        for number, body in SECTION.findall(text)
    }


def replace_memories(text: str, new: Mapping[int, Sequence[int]]) -> str:
    """Return a configuration with ``new`` contents, by number; other block memories stay."""

    def section(match):
        nines = new.get(int(match[1]))
        if nines is None:
            return match[0]
        lines = [" ".join(f"{n:03x}" for n in nines[at : at + 8]) for at in range(0, NINES, 8)]
        return f".bram_init {match[1]}\n" + "\n".join(lines) + "\n\n"

    return SECTION.sub(section, text)
