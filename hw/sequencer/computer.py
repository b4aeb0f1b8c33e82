"""The computer: the second stage of a pass, which tells the array what each slot computes."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.array.array import slot_layout
from hw.primitives import delay
from hw.sequencer.passes import pass_layout
from hw.shapes import Geometry

__all__ = ["Computer"]


class Computer(wiring.Component):
    """Compute the cell whose window the newest cell completes, a line and a cell behind.

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
    reading, read_pass, read_cell : In
        Whether a pass is being read, which one, and where.
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
            "read_cell": In(geometry.cell),
            "skeletons": In(data.ArrayLayout(geometry.skeleton, geometry.contexts)),
            "check": In(geometry.check),
            "active": Out(1),
            "current": Out(pass_layout(geometry)),
            "slot": Out(slot_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        geometry, spec = self.geometry, self.geometry.spec
        cell = Signal(geometry.cell)
        # Flags that a counter has come somewhere are a clock old: a cell lasts longer.
        last = Signal()
        complete = Signal()
        m.d.sync += [last.eq(cell == spec.cells - 1), complete.eq(self.read_cell == spec.width)]
        with m.If(self.at_end & self.active):
            m.d.sync += cell.eq(cell + 1)
            with m.If(last):
                m.d.sync += [self.active.eq(0), cell.eq(0)]
        with m.If(self.at_end & self.reading & complete):
            m.d.sync += [self.active.eq(1), self.current.eq(self.read_pass)]

        x, y = cell[: exact_log2(spec.width)], cell[exact_log2(spec.width) :]
        slot = Signal(slot_layout(geometry))
        m.d.comb += [
            slot.advance.eq(self.advance),
            slot.valid.eq(self.active),
            slot.first.eq(self.index == 0),
            slot.last.eq(self.index == geometry.slots - 1),
            slot.edges.top.eq(y == 0),
            slot.edges.bottom.eq(y == spec.height - 1),
            slot.edges.left.eq(x == 0),
            slot.edges.right.eq(x == spec.width - 1),
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
