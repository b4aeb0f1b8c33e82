"""The 3 x 3 window on silicon: one memory with one port holds the rows, nine registers the taps."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from hw.array.window import Edges
from hw.asic.single_port import SinglePortMemory
from hw.primitives import delay
from hw.shapes import TAPS, Geometry, code

__all__ = ["RowWindow", "rows_layout"]

SIDE = 3
"""Taps a side."""


def rows_layout() -> data.ArrayLayout:
    """Shape of what is kept of a column: a word of the newest row, and those one and two above."""
    return data.ArrayLayout(code(STATE), SIDE)


class RowWindow(wiring.Component):
    """Turn a raster of cells, word by word, into the nine taps around each cell, all at once.

    A word lasts five clocks or more from ``advance`` on. The memory has a row for each word of a
    row of the lattice, and in it the words of that column in three rows of the lattice. It is read
    three times a word, at the newest column and the two before, and written once. In the clock that
    remains, and while no word comes, it fetches states: see `fetch`.

    The taps are those of a word from five clocks after its ``advance``. Takes one memory.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip; a word is of one channel, and a row of ``2**n`` words.

    Members
    -------
    word, advance : In
        Newest word, and whether this is its first clock. It is taken in its fourth.
    edges : In
        Sides of the lattice that the cell in the centre touches, three clocks behind the word.
    taps : Out
        Nine codes in raster order, 0 beyond the edges.
    cell : Out
        Column of the memory that the newest word belongs to, in cells.
    fetch, fetch_cell, fetch_word : In
        Whether a state is wanted, and of which column.
    granted : Out
        Whether it is fetched.
    state : Out
        The word of the row in the middle, a clock later.
    """

    LATENCY = 4

    def __init__(self, geometry: Geometry):
        self.geometry = geometry
        self.row = geometry.spec.width * geometry.words
        cells = range(geometry.spec.width)

        super().__init__({
            "word": In(code(STATE)),
            "advance": In(1),
            "edges": In(Edges),
            "taps": Out(code(STATE)).array(TAPS),
            "cell": Out(cells),
            "fetch": In(1),
            "fetch_cell": In(cells),
            "fetch_word": In(range(geometry.words)),
            "granted": Out(1),
            "state": Out(code(STATE)),
        })

    def elaborate(self, platform):
        m = Module()

        rows = rows_layout()
        m.submodules.memory = memory = SinglePortMemory(rows.size, self.row)
        found = data.View(rows, memory.read_data)
        first = self.advance
        second = delay(m, first, 1, name="second")
        third = delay(m, second, 1, name="third")
        fourth = delay(m, third, 1, name="fourth")
        word = Signal(range(self.geometry.words))
        self.address(m, memory, (first, second, third, fourth), word)

        # What was read of the newest column before it is written, and of the one before.
        newest, middle = Signal(rows, reset_less=True), Signal(rows, reset_less=True)
        written = data.View(rows, memory.write_data)
        with m.If(second):
            m.d.sync += newest.eq(found)
        with m.If(third):
            m.d.sync += middle.eq(found)
        m.d.comb += [
            memory.write.eq(fourth),
            written[0].eq(self.word),
            *(written[row].eq(newest[row - 1]) for row in range(1, SIDE)),
            self.state.eq(found[1]),
        ]
        with m.If(fourth):
            m.d.sync += Cat(word, self.cell).eq(Cat(word, self.cell) + 1)

        for tap, shown in enumerate(self.taps):
            i, j = divmod(tap, SIDE)
            row = SIDE - 1 - i
            read = (found[row], middle[row], written[row])[j]
            row_beyond = (self.edges.top, 0, self.edges.bottom)[i]
            beyond = row_beyond | (self.edges.left, 0, self.edges.right)[j]
            held = Signal(code(STATE), name=f"tap{tap}", reset_less=True)
            with m.If(fourth):
                m.d.sync += held.eq(Mux(beyond, 0, read))
            m.d.comb += shown.eq(held)

        return m

    def address(
        self, m: Module, memory: SinglePortMemory, clocks: tuple[Value, ...], word: Signal
    ) -> None:
        """Read the newest column and the two before it, write the newest, or fetch a state."""
        first, second, third, fourth = clocks
        cell = Signal.like(self.cell)
        m.d.comb += [
            self.granted.eq(self.fetch & ~Cat(clocks).any()),
            memory.enable.eq(Cat(clocks).any() | self.fetch),
            cell.eq(self.fetch_cell),
            memory.address.eq(Cat(self.fetch_word, cell)),
        ]
        with m.If(first | second | third | fourth):
            m.d.comb += [
                cell.eq(self.cell - Mux(second, 1, Mux(third, 2, 0))),
                memory.address.eq(Cat(word, cell)),
            ]
