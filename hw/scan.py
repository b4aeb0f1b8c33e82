"""The scan: a chain past all skeleton memories, on which their rows travel byte by byte."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import copies, delay, spare
from hw.shapes import Geometry

__all__ = ["ROW", "Scan", "token_layout"]

ROW = 32
"""Bytes that every row counts as; those beyond its width are 0."""

FOUR = 4  # bytes that a multiplexer chooses from


def token_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of what travels: which byte of which memory's row is wanted, and the byte."""
    return data.StructLayout({
        "memory": range(len(geometry.scanned)),
        "byte": range(ROW),
        "data": 8,
    })


class Scan(wiring.Component):
    """A memory's place in the chain: fills in the byte that is wanted of its row.

    Latency is four clocks, one where ways are short, initiation interval one. Nothing moves in the
    multiplexers but for this memory's own tokens.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    name : str
        Name of the memory.
    width : int
        Bits of its row.

    Members
    -------
    i, o : In, Out
        Tokens; see `token_layout`.
    row : In
        The row, which holds for as long as this memory's tokens are under way.
    """

    LATENCY = 4
    SPARE = 3

    def __init__(self, geometry: Geometry, name: str, width: int):
        self.number = geometry.scanned.index(name)
        self.bytes = -(-width // 8)
        token = token_layout(geometry)

        super().__init__({"i": In(token), "o": Out(token), "row": In(width)})

    def elaborate(self, platform):
        m = Module()

        if spare(platform, self.SPARE):
            self.choose(m)
            return m

        # Stage 1: whether the token is for this memory.
        tokens = [self.i]
        for stage in range(1, self.LATENCY):
            late = delay(m, tokens[-1].as_value(), 1, name=f"token_{stage}")
            tokens.append(data.View(self.i.shape(), late))
        is_mine = self.i.memory == self.number
        mine = delay(m, is_mine, 2, name="mine")

        # Stage 2: one byte of each four. The row is wide, so each four has its own controls.
        fours = []
        count = -(-self.bytes // FOUR)
        controls = copies(m, Cat(self.i.byte[:2], is_mine), count, name="control")
        for index, control in enumerate(controls):
            byte = Signal(8, name=f"four{index}", reset_less=True)
            part = self.row[8 * FOUR * index : 8 * FOUR * (index + 1)]
            with m.If(control[2]):
                m.d.sync += byte.eq(part.word_select(control[:2], 8))
            fours.append(byte)

        # Stage 3: one of each four of those.
        sixteens = []
        for index in range(-(-len(fours) // FOUR)):
            byte = Signal(8, name=f"sixteen{index}", reset_less=True)
            part = Array(fours[FOUR * index : FOUR * (index + 1)])
            with m.If(mine):
                m.d.sync += byte.eq(part[tokens[2].byte[2:4]])
            sixteens.append(byte)

        # Stage 4: one of the two, 0 where there is one alone.
        found = Array(sixteens)[tokens[3].byte[4]]
        chosen = delay(m, mine, 1, name="chosen")
        token = Cat(tokens[3].memory, tokens[3].byte, Mux(chosen, found, tokens[3].data))
        m.d.comb += self.o.as_value().eq(delay(m, token, 1, name="found"))

        return m

    def choose(self, m: Module) -> None:
        """Fill in the byte in one stage."""
        is_mine = self.i.memory == self.number
        row = Cat(self.row, Const(0, 8 * ROW - len(self.row)))
        found = Mux(is_mine, row.word_select(self.i.byte, 8), self.i.data)
        token = Cat(self.i.memory, self.i.byte, found)
        m.d.comb += self.o.as_value().eq(delay(m, token, 1, name="found"))
