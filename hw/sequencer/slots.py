"""The slots of a cell, counted: one a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shapes import Geometry

__all__ = ["SlotCounter"]


class SlotCounter(wiring.Component):
    """Count the slots of one cell after another, and the word to which each belongs.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    moves : In(1)
        Whether to count. It may fall in a cell's last slot alone.
    slot : Out
        Slot of the cell.
    word : Out
        Word of the cell.
    advance : Out(1)
        Whether the slot is its word's first, and counted.
    near_end : Out(1)
        Whether the slot is the cell's last but one.
    at_end : Out(1)
        Whether it is the cell's last.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "moves": In(1),
            "slot": Out(range(geometry.slots)),
            "word": Out(range(geometry.words)),
            "advance": Out(1),
            "near_end": Out(1),
            "at_end": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        phase = Signal(range(geometry.phases))
        m.d.comb += [
            self.near_end.eq(self.slot == geometry.slots - 2),
            self.advance.eq(self.moves & (phase == 0)),
        ]
        # A clock old: a short path from the counter to everything that it steers.
        m.d.sync += self.at_end.eq(self.near_end)
        with m.If(self.at_end):
            m.d.sync += [self.slot.eq(0), phase.eq(0), self.word.eq(0)]
        with m.Elif(self.moves):
            m.d.sync += self.slot.eq(self.slot + 1)
            with m.If(phase == geometry.phases - 1):
                m.d.sync += [phase.eq(0), self.word.eq(self.word + 1)]
            with m.Else():
                m.d.sync += phase.eq(phase + 1)

        return m
