"""The writer: the last stage of a pass, which puts the array's words back into their context."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import delay
from hw.sequencer.passes import pass_layout
from hw.shapes import Geometry

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Tell where each of the array's words goes, a clock after it.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    array_valid, array_word : In
        Whether the array has a word to write, and its number.
    computed : In(pass_layout(geometry))
        The pass being computed. The first word of a pass comes during that.
    write : Out
        Contexts to write to: one, or none.
    current : Out(pass_layout(geometry))
        The pass being written, or the last one that was.
    cell, word : Out
        Where to write.
    ends : Out
        Contexts of which a pass's last word is being written.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "array_valid": In(1),
            "array_word": In(range(geometry.words)),
            "computed": In(pass_layout(geometry)),
            "write": Out(geometry.contexts),
            "current": Out(pass_layout(geometry)),
            "cell": Out(geometry.cell),
            "word": Out(range(geometry.words)),
            "ends": Out(geometry.contexts),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        cell = Signal(geometry.cell)
        first = Signal(init=1)  # the next word is a pass's first
        final = Signal()  # and this one: of its last cell
        cell_ends = Signal()
        pass_ends = Signal()
        m.d.comb += cell_ends.eq(self.array_valid & (self.array_word == geometry.words - 1))
        m.d.sync += final.eq(cell == geometry.spec.cells - 1)
        with m.If(self.array_valid):
            m.d.sync += first.eq(cell_ends & final)
            with m.If(first):
                m.d.sync += self.current.eq(self.computed)
        with m.If(cell_ends):
            m.d.sync += cell.eq(Mux(final, 0, cell + 1))

        m.d.sync += [
            self.cell.eq(cell),
            self.word.eq(self.array_word),
            pass_ends.eq(cell_ends & final),
        ]
        written = delay(m, self.array_valid, 1, name="written")
        for index in range(geometry.contexts):
            mine = self.current.context == index
            m.d.comb += [
                self.write[index].eq(written & mine),
                self.ends[index].eq(pass_ends & mine),
            ]

        return m
