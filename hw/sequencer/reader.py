"""The reader: the first stage of a pass, which takes the lattice out of its context."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.sequencer.passes import pass_layout
from hw.shapes import Geometry

__all__ = ["Reader"]


class Reader(wiring.Component):
    """Read pass after pass in raster order, without a gap where one is available.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    near_end, at_end : In(1)
        Whether the slot is the cell's last but one, or its last.
    available, chosen : In
        The next pass; see `hw.sequencer.passes.Chooser`.
    computing : In(1)
        Whether cells of an earlier pass are still to be computed.
    active : Out(1)
        Whether a pass is being read.
    current : Out(pass_layout(geometry))
        The pass being read, or the last one that was.
    cell : Out
        Cell to read.
    begins : Out(1)
        Whether the next pass begins: it is the current one from the next clock on.
    ends : Out(1)
        Whether the slot is the last one of the current pass.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "near_end": In(1),
            "at_end": In(1),
            "available": In(1),
            "chosen": In(pass_layout(geometry)),
            "computing": In(1),
            "active": Out(1),
            "current": Out(pass_layout(geometry)),
            "cell": Out(geometry.cell),
            "begins": Out(1),
            "ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        # Flags are worked out a clock ahead wherever nothing changes faster.
        last = Signal()  # the lattice's last cell
        idle = Signal()  # the slot is a cell's last, and no pass is being read
        m.d.sync += [
            last.eq(self.cell == self.geometry.spec.cells - 1),
            idle.eq(self.near_end & ~self.active),
            self.ends.eq(self.near_end & self.active & last),
        ]

        still = ~(self.active | self.computing)
        m.d.comb += self.begins.eq(self.available & (self.ends | idle | still))
        m.d.sync += self.active.eq(self.begins | (self.active & ~self.ends))
        with m.If(self.begins):
            m.d.sync += self.current.eq(self.chosen)
        with m.If(self.at_end & self.active):
            m.d.sync += self.cell.eq(self.cell + 1)  # from the last one to 0

        return m
