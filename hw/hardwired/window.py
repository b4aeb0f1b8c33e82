"""The window of whole cells: the nine taps of every channel around each cell, a cell a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from hw.array.delay_line import DelayLine
from hw.array.window import Edges
from hw.hardwired.shapes import split, state
from hw.primitives import copies, delay
from hw.shapes import TAPS, Geometry

__all__ = ["CellWindow"]

ROWS = 3


class CellWindow(wiring.Component):
    """Turn a raster of whole cells, one in each clock, into the taps around each cell.

    A pass streams without a gap. Latency from a cell to its taps is `clocks`: a row, a cell and a
    register. Takes two memories of a row.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    cell : In
        Newest cell.
    edges : In
        Sides of the lattice that a cell touches, `EDGES` clocks before its taps.
    taps : Out
        Of each channel in turn, nine codes in raster order, 0 beyond the edges.
    centre : Out
        The cell itself, together with its taps.
    """

    EDGES = 2
    """Clocks from the edges of a cell to its taps."""

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        channels = geometry.spec.channels
        super().__init__({
            "cell": In(state(geometry)),
            "edges": In(Edges),
            "taps": Out(signed(STATE.width)).array(channels * TAPS),
            "centre": Out(state(geometry)),
        })

    @staticmethod
    def clocks(geometry: Geometry) -> int:
        """Return the clocks from a cell to its taps."""
        return geometry.spec.width + 2

    def elaborate(self, platform):
        m = Module()

        width, channels = self.geometry.spec.width, self.geometry.spec.channels
        row = Value.cast(self.cell)
        edges = self.edges
        for i in reversed(range(ROWS)):
            columns = [row]  # the newest cell is the tap to the right
            for j in reversed(range(ROWS - 1)):
                columns.insert(0, delay(m, columns[0], 1, name=f"column{i}{j}"))
            for j, cell in enumerate(columns):
                outside = (edges.top, 0, edges.bottom)[i] | (edges.left, 0, edges.right)[j]
                # A register for each channel, as the channels lie far apart.
                beyond = copies(m, Value.cast(outside), channels, name=f"beyond{i}{j}")
                for channel, code in enumerate(split(cell)):
                    # A gate, not a multiplexer: that would become the reset of a register, whose
                    # way is slow.
                    shown = code & ~beyond[channel].replicate(len(code))
                    tap = delay(m, shown.as_signed(), 1, name=f"tap{i}{j}_{channel}")
                    m.d.comb += self.taps[channel * TAPS + ROWS * i + j].eq(tap)
                    if i == j == 1:
                        m.d.comb += self.centre[channel].eq(tap)
            if i:
                line = DelayLine(len(row), width - 1)
                m.submodules[f"line{i}"] = line
                m.d.comb += [line.i.eq(row), line.advance.eq(1)]
                row = line.o

        return m
