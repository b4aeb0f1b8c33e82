"""The scan: a chain past all skeleton memories, on which their rows travel byte by byte."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import delay
from hw.shapes import Geometry

__all__ = ["ROW", "Scan", "token_layout"]

ROW = 32
"""Bytes that every row counts as; those beyond its width are 0."""

FINE = 4  # bytes that the first multiplexer chooses from


def token_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of what travels: which byte of which memory's row is wanted, and the byte."""
    return data.StructLayout({
        "memory": range(len(geometry.scanned)),
        "byte": range(ROW),
        "data": 8,
    })


class Scan(wiring.Component):
    """A memory's place in the chain: fills in the byte that is wanted of its row.

    Latency is three clocks, initiation interval one. Nothing moves in the multiplexers but for
    this memory's own tokens.

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

    LATENCY = 3

    def __init__(self, geometry: Geometry, name: str, width: int):
        self.number = geometry.scanned.index(name)
        self.bytes = -(-width // 8)
        token = token_layout(geometry)

        super().__init__({"i": In(token), "o": Out(token), "row": In(width)})

    def elaborate(self, platform):
        m = Module()

        # Stage 1: whether the token is for this memory.
        token = [data.View(self.i.shape(), delay(m, self.i.as_value(), 1, name="token"))]
        mine = Signal()
        m.d.sync += mine.eq(self.i.memory == self.number)

        # Stage 2: one byte of each four.
        token.append(data.View(self.i.shape(), delay(m, token[0].as_value(), 1, name="token_2")))
        chosen = delay(m, mine, 1, name="chosen")
        groups = Array(
            Signal(8, name=f"group{index}", reset_less=True)
            for index in range(-(-self.bytes // FINE))
        )
        fine = token[0].byte[:2]
        for index, group in enumerate(groups):
            part = self.row[8 * FINE * index : 8 * FINE * (index + 1)]
            with m.If(mine):
                m.d.sync += group.eq(part.word_select(fine, 8))

        # Stage 3: one of those.
        byte = Signal(8)
        m.d.comb += byte.eq(groups[token[1].byte[2:]])
        m.d.sync += [
            self.o.memory.eq(token[1].memory),
            self.o.byte.eq(token[1].byte),
            self.o.data.eq(Mux(chosen, byte, token[1].data)),
        ]

        return m
