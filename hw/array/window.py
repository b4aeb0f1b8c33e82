"""The 3 x 3 window: delay lines in series, with the nine taps between them."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.delay_line import DelayLine
from hw.primitives import delay
from hw.shapes import TAPS

__all__ = ["Edges", "Window"]

CENTRE = 4


class Edges(data.Struct):
    """The sides of the lattice that a cell touches: beyond them the state code is 0."""

    top: 1
    bottom: 1
    left: 1
    right: 1


class Window(wiring.Component):
    """Turn a raster of cells, word by word, into the nine taps around each cell.

    The newest word is the tap below and to the right. Each delay line leads to the tap before it in
    raster order: one cell to the left, or up a row. Tap 8 leaves one clock after its word came, tap
    ``8 - n`` leaves ``n`` clocks after tap 8, when the chain of partial sums needs it.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    word, advance : In
        Newest word, and whether this is its first clock.
    edges, valid : In
        Sides of the lattice that the cell in the centre touches, and whether there is a cell.
    taps : Out
        Nine words in raster order, 0 beyond the edges, tap ``8 - n`` late by ``n`` clocks.
    centre, centre_valid : Out
        The cell's own word, in its first clock.
    """

    def __init__(self, geometry):
        self.geometry = geometry

        super().__init__({
            "word": In(geometry.word),
            "advance": In(1),
            "edges": In(Edges),
            "valid": In(1),
            "taps": Out(geometry.word).array(TAPS),
            "centre": Out(geometry.word),
            "centre_valid": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        width = Shape.cast(self.geometry.word).width
        row = self.geometry.words * (self.geometry.read_columns - 2)
        word, advance, edges = Value.cast(self.word), self.advance, self.edges
        for tap in reversed(range(TAPS)):
            i, j = divmod(tap, 3)
            row_beyond = (edges.top, 0, edges.bottom)[i]
            beyond = row_beyond | (edges.left, 0, edges.right)[j]
            shown = delay(m, Mux(beyond, 0, word), 1, name=f"tap{tap}")
            m.d.comb += Value.cast(self.taps[tap]).eq(shown)
            if tap == CENTRE:
                valid = delay(m, self.valid, TAPS - 1 - tap, name="valid")
                m.d.comb += [
                    Value.cast(self.centre).eq(word),
                    self.centre_valid.eq(valid & advance),
                ]
            if tap:
                line = DelayLine(width, row if j == 0 else self.geometry.words)
                m.submodules[f"line{tap}"] = line
                m.d.comb += [line.i.eq(word), line.advance.eq(advance)]
                word, advance = line.o, line.o_advance
                late = Signal(Edges, name=f"edges{tap}", reset_less=True)
                m.d.sync += late.eq(edges)
                edges = late

        return m
