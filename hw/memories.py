"""The memories of a chip behind its link: what a board has to find room for."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Shape
from amaranth.utils import ceil_log2

from golden.fixed import STATE
from hw.array.array import centres
from hw.link.packets import KEPT
from hw.shapes import Geometry
from hw.skeleton_memory import layouts, pitch_of

__all__ = ["MemoryShape", "memories"]

ROW_LINES = 2
"""Delay lines of the window that hold a row; all others hold a cell."""

CELL_LINES = 6

RUN = 256
"""Bytes of the run that a frame's encoder gathers."""


@dataclass(frozen=True, kw_only=True)
class MemoryShape:
    """One memory: its rows, the bits of each, and the bits that share a write enable.

    `granularity` is 0 where nothing is written.
    """

    name: str
    width: int
    depth: int
    granularity: int = 0


def memories(geometry: Geometry) -> list[MemoryShape]:
    """Return every memory that a `hw.linked_chip.LinkedChip` asks its platform for."""
    written = (*array_memories(geometry), *lattice_memories(geometry), *link_memories(geometry))
    return [
        *skeleton_memories(geometry),
        *(
            MemoryShape(name=name, width=width, depth=depth, granularity=share)
            for name, width, depth, share in written
        ),
    ]


def skeleton_memories(geometry: Geometry) -> Iterator[MemoryShape]:
    """Yield what holds the skeletons; see `hw.skeleton_memory`."""
    for name, layout in layouts(geometry).items():
        depth = pitch_of(geometry, name) * geometry.skeletons
        yield MemoryShape(name=name, width=Shape.cast(layout).width, depth=depth)


Written = tuple[str, int, int, int]
"""Name, bits of a row, rows, and bits that share a write enable."""


def array_memories(geometry: Geometry) -> Iterator[Written]:
    """Yield what holds words on their way: the window's lines, and the cells in the pipeline."""
    width = word_bits(geometry)
    row = geometry.words * (geometry.read_columns - 2)
    for index in range(ROW_LINES):
        yield f"row line {index}", width, row, width
    for index in range(CELL_LINES):
        yield f"cell line {index}", width, geometry.words, width
    yield "centres", width, centres(geometry) * geometry.words, width


def lattice_memories(geometry: Geometry) -> Iterator[Written]:
    """Yield what holds the lattices, their deltas and their planes."""
    spec, width = geometry.spec, word_bits(geometry)
    for index in range(geometry.contexts):
        yield f"lattice {index}", width, spec.cells * geometry.words, STATE.width
        yield f"delta {index}", STATE.width, 1 << Shape.cast(geometry.site).width, STATE.width
    plane = Shape.cast(geometry.plane).width
    yield "planes", plane, 1 << ceil_log2(spec.cells * geometry.contexts), plane
    if geometry.border:
        yield "kept row", width, geometry.words << ceil_log2(spec.width), width


def link_memories(geometry: Geometry) -> Iterator[Written]:
    """Yield what holds requests, responses and a frame's run."""
    kept = (("request", KEPT * geometry.request), ("response", KEPT * geometry.response))
    for name, depth in (*kept, ("run", RUN)):
        yield name, 8, depth, 8


def word_bits(geometry: Geometry) -> int:
    """Bits of a word."""
    return Shape.cast(geometry.word).width
