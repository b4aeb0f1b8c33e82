"""Clocks of a run: exact, whatever the shape of the lattice and the folding."""

from hw.array.array import SystolicArray
from hw.context import Context
from hw.shapes import Geometry

__all__ = [
    "READ_LATENCY",
    "READ_SPARE",
    "RESET_CLOCKS",
    "busy_clocks",
    "overlaps",
    "pass_clocks",
    "run_clocks",
    "run_overhead",
]

READ_LATENCY = Context.LATENCY + 1
"""Clocks from an address to the array's word."""

READ_SPARE = Context.SPARE + 1
"""How many of them are left out where ways are short."""

RESET_CLOCKS = 96
"""Clocks for which reset must be high where registers have no initial values.

Registers of data have no reset: what they hold at first leaves the pipelines meanwhile.
"""

BEGIN = 4
"""Clocks from a command to its run's first read."""


def run_clocks(geometry: Geometry, steps: int, *, latency: int | None = None) -> int:
    """Return the clocks of a run of so many ungated steps, from its command to its end.

    ``latency`` is that of an array other than `hw.array.array.SystolicArray`: the clocks from the
    last read of a cell's window to its first word one step on.
    """
    return steps * pass_clocks(geometry, latency) + run_overhead(geometry, latency)


def busy_clocks(geometry: Geometry, steps: int) -> int:
    """Return the clocks of so many steps in which filters are computed."""
    return steps * geometry.spec.cells * geometry.slots


def pass_clocks(geometry: Geometry, latency: int | None = None) -> int:
    """Return the clocks from the begin of a pass to that of the next."""
    reads = geometry.read_rows * geometry.read_columns * geometry.slots
    return reads if overlaps(geometry) else reads + drain(geometry, latency)


def run_overhead(geometry: Geometry, latency: int | None = None) -> int:
    """Return a run's clocks beyond those of its passes: to begin, and to drain the pipeline."""
    return BEGIN + (drain(geometry, latency) if overlaps(geometry) else 0)


def overlaps(geometry: Geometry) -> bool:
    """Whether a pass begins before the one before is written.

    It does unless the first rows are needed again at the end, or the next pass would read a cell
    before this one has written it.
    """
    spec = geometry.spec
    return not geometry.border and drain(geometry) < (spec.cells - 1) * geometry.slots


def drain(geometry: Geometry, latency: int | None = None) -> int:
    """Return the clocks from the last read of a pass until its last word is written."""
    line = 0 if geometry.border else (geometry.spec.width + 1) * geometry.slots
    if latency is None:
        wait = READ_LATENCY - SystolicArray.WORD_LATENCY
        latency = wait + SystolicArray.LATENCY + geometry.filters
    return line + latency + geometry.words + 1
