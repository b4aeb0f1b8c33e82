"""The computer: the second stage of a pass, which tells the array what each slot computes."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.array import slot_layout
from hw.array.window import Edges
from hw.primitives import delay
from hw.raster import Raster
from hw.sequencer.passes import pass_layout
from hw.shapes import Geometry

__all__ = ["Computer"]


class Computer(wiring.Component):
    """Compute the cell whose window the newest cell completes, a line and a cell behind.

    A raster with a border has lines enough for that. Without one, the cells beyond the edges are
    left out of the windows, and the last line is computed when all has been read.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    wait : int
        Clocks from a slot to its place in the array's input.

    Members
    -------
    index, advance, at_end : In
        Slot of the cell; see `hw.sequencer.slots.SlotCounter`.
    reading, read_pass, read_row, read_column : In
        Whether a pass is being read, which one, and where in the raster.
    skeletons : In
        Skeleton of each context's run.
    check : In
        Row that every slot is to name instead, while there is nothing to run.
    active : Out(1)
        Whether a pass is being computed.
    current : Out(pass_layout(geometry))
        The pass being computed, or the last one that was.
    slot : Out(slot_layout(geometry))
        What the array is to compute, `wait` clocks late.
    """

    def __init__(self, geometry: Geometry, *, wait: int):
        self.geometry = geometry
        self.wait = wait

        super().__init__({
            "index": In(range(geometry.slots)),
            "advance": In(1),
            "at_end": In(1),
            "reading": In(1),
            "read_pass": In(pass_layout(geometry)),
            "read_row": In(range(geometry.read_rows)),
            "read_column": In(range(geometry.read_columns)),
            "skeletons": In(data.ArrayLayout(geometry.skeleton, geometry.contexts)),
            "check": In(geometry.check),
            "active": Out(1),
            "current": Out(pass_layout(geometry)),
            "slot": Out(slot_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        edges = self.follow_border(m) if geometry.border else self.follow_edges(m)
        slot = Signal(slot_layout(geometry))
        m.d.comb += [
            slot.advance.eq(self.advance),
            slot.valid.eq(self.active),
            slot.first.eq(self.index == 0),
            slot.last.eq(self.index == geometry.slots - 1),
            slot.edges.as_value().eq(edges),
            slot.address.slot.eq(self.index),
            slot.address.skeleton.eq(Array(self.skeletons)[self.current.context]),
            slot.check.eq(self.check.active),
        ]
        with m.If(self.check.active):
            m.d.comb += [
                slot.address.slot.eq(self.check.slot),
                slot.address.skeleton.eq(self.check.skeleton),
            ]
        late = delay(m, slot.as_value(), self.wait, name="slot")
        m.d.comb += self.slot.as_value().eq(late)

        return m

    def follow_border(self, m: Module) -> Value:
        """Compute while the last neighbour of a cell is read; return its edges: it has none."""
        m.d.comb += [
            self.active.eq(self.reading & (self.read_row >= 2) & (self.read_column >= 2)),
            self.current.eq(self.read_pass),
        ]
        return Const(0)

    def follow_edges(self, m: Module) -> Value:
        """Compute from a line and a cell on until the last cell; return the cell's edges."""
        spec = self.geometry.spec
        m.submodules.raster = raster = Raster(self.geometry)
        # Flags that a counter has come somewhere are a clock old: a cell lasts longer.
        last = Signal()
        complete = Signal()
        m.d.sync += [
            last.eq(raster.last),
            complete.eq((self.read_row == 1) & (self.read_column == 0)),
        ]
        m.d.comb += raster.advance.eq(self.at_end & self.active)
        with m.If(raster.advance & last):
            m.d.sync += self.active.eq(0)
        with m.If(self.at_end & self.reading & complete):
            m.d.sync += [self.active.eq(1), self.current.eq(self.read_pass)]
        edges = Signal(Edges)
        m.d.comb += [
            edges.top.eq(raster.row == 0),
            edges.bottom.eq(raster.row == spec.height - 1),
            edges.left.eq(raster.column == 0),
            edges.right.eq(raster.column == spec.width - 1),
        ]
        return edges.as_value()
