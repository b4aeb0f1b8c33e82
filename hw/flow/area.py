"""Area of a board's design before synthesis: multipliers and block RAM exact, LUT and FF fitted."""

from functools import cache
from pathlib import Path

from golden.files import read_json
from hw.boards.ecp5 import block_count, is_small
from hw.flow.verilog import multipliers
from hw.memories import memories
from hw.shapes import PAIR, Geometry

__all__ = [
    "CELL_NAMES",
    "COEFFICIENTS",
    "KINDS",
    "TERMS",
    "area",
    "deepest",
    "lookup_memory",
    "terms",
]

COEFFICIENTS = Path(__file__).with_suffix(".json")
"""What `python -m hw.flow.area_fit` has measured and fitted."""

CELL_NAMES = {"multipliers": "multipliers", "bram": "block RAMs", "lut": "LUTs", "ff": "FFs"}
"""Kinds of cells that are counted, for people."""

KINDS = ("lut", "ff")
"""Those that are fitted."""

TERMS = ("pair_chain", "single_chain", "mixing_element", "lane", "channel", "rest")
"""What area is made of; see `terms`."""


@cache
def area(geometry: Geometry, link: str = "uart") -> dict[str, int]:
    """Return the cells that a board with this chip and link takes, by the names of a report.

    LUTs are counted as nextpnr does: half a carry cell is one, a quarter of a distributed memory is
    one.
    """
    measured, counts = read_json(COEFFICIENTS), terms(geometry)
    fitted, more = measured["terms"], measured["links"][link]
    found = {
        kind: round(sum(fitted[kind][term] * counts[term] for term in TERMS)) for kind in KINDS
    }
    return {
        "multipliers": sum(multipliers(geometry).values()),
        "bram": sum(block_count(m.width, m.depth, m.granularity) for m in memories(geometry))
        + more["bram"],
        "lut": found["lut"] + lookup_memory(geometry) + more["lut"],
        "ff": found["ff"] + more["ff"],
    }


def terms(geometry: Geometry) -> dict[str, int]:
    """Count the parts of a chip that area is in proportion to.

    A perception chain is nine processing elements, a requantiser for each of its filters, and the
    delays of taps and operands. A mixing element has two products of a mixing column. A lane of a
    word has its part of window, contexts and residual. A channel has its accumulator. The rest is
    the same on every board: link, sequencer, ports, checker, and what else two contexts take.
    """
    chains, spec = geometry.lane_filters, geometry.spec
    counts = (
        chains.count(PAIR),
        chains.count(1),
        spec.channels // PAIR * geometry.filters,
        geometry.lanes,
        spec.channels,
        1,
    )
    return dict(zip(TERMS, counts, strict=True))


def lookup_memory(geometry: Geometry) -> int:
    """Count the LUTs of memories that are too small for a block: 16 rows of 4 bits in 4 of them."""
    return sum(
        4 * -(-m.width // 4) * -(-m.depth // 16)
        for m in memories(geometry)
        if m.granularity and is_small(m.width, m.depth)
    )


def deepest(geometry: Geometry) -> int:
    """Return the rows of the chip's deepest memory."""
    return max(memory.depth for memory in memories(geometry))
