"""The reader: the first stage of a pass, which takes the lattice out of its context."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.raster import Raster
from hw.sequencer.passes import pass_layout
from hw.shapes import Geometry

__all__ = ["Reader"]


class Reader(wiring.Component):
    """Read pass after pass in raster order, without a gap where one is available.

    A lattice that wraps around is read with a border. Its last rows are read first, so its last
    pass must have been written; and its first row is read again when that has been written anew,
    so it must be kept.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    overlap : bool
        Whether a pass may begin before the one before is written.

    Members
    -------
    near_end, at_end : In(1)
        Whether the slot is the cell's last but one, or its last.
    available, chosen : In
        The next pass; see `hw.sequencer.passes.Chooser`.
    computing, written : In
        Whether cells of an earlier pass are still to be computed; contexts of which a pass's last
        word is being written.
    active : Out(1)
        Whether a pass is being read.
    current : Out(pass_layout(geometry))
        The pass being read, or the last one that was.
    position, row, column : Out
        Cell to read, and its place in the raster.
    keep, repeat : Out(1)
        Whether its row is the one to keep, or the one that was kept.
    begins : Out(1)
        Whether the next pass begins: it is the current one from the next clock on.
    ends : Out(1)
        Whether the slot is the last one of the current pass.
    """

    def __init__(self, geometry: Geometry, *, overlap: bool):
        self.geometry = geometry
        self.overlap = overlap

        super().__init__({
            "near_end": In(1),
            "at_end": In(1),
            "available": In(1),
            "chosen": In(pass_layout(geometry)),
            "computing": In(1),
            "written": In(geometry.contexts),
            "active": Out(1),
            "current": Out(pass_layout(geometry)),
            "position": Out(geometry.position),
            "row": Out(range(geometry.read_rows)),
            "column": Out(range(geometry.read_columns)),
            "keep": Out(1),
            "repeat": Out(1),
            "begins": Out(1),
            "ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.raster = raster = Raster(self.geometry, border=self.geometry.border)
        m.d.comb += [
            raster.advance.eq(self.at_end & self.active),
            self.position.eq(raster.position),
            self.row.eq(raster.row),
            self.column.eq(raster.column),
            self.keep.eq(raster.row == 1),
            self.repeat.eq(raster.row == raster.rows - 1),
        ]

        # Flags are worked out a clock ahead wherever nothing changes faster.
        last = Signal()  # the raster's last cell
        under_way = Signal()  # a pass that the next one waits for
        idle = Signal()  # the slot is a cell's last, and no pass is being read
        m.d.sync += [
            last.eq(raster.last),
            idle.eq(self.near_end & ~self.active),
            self.ends.eq(self.near_end & self.active & last),
        ]

        still = ~(self.active | self.computing)
        m.d.comb += self.begins.eq(self.available & (self.ends | idle | still) & ~under_way)
        if not self.overlap:
            m.d.sync += under_way.eq(self.begins | (under_way & ~self.written.any()))
        m.d.sync += self.active.eq(self.begins | (self.active & ~self.ends))
        with m.If(self.begins):
            m.d.sync += self.current.eq(self.chosen)

        return m
