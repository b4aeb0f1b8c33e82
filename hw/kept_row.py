"""The kept row: the first row of a lattice that wraps around, for when it is needed again."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.primitives import BlockMemory, delay
from hw.shapes import Geometry

__all__ = ["KeptRow"]


class KeptRow(wiring.Component):
    """Keep the first row of a pass as it is read, and put it in the place of its last row.

    The last row's lower neighbour is the first row, which has been written anew by then.

    Takes a memory of a row.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    wait : int
        Clocks from where a word is to where it has been read.

    Members
    -------
    keep, repeat : In(1)
        Whether the word to read is one to keep, or one that was kept.
    x, word : In
        Its column and number.
    i, o : In, Out
        The word as it was read, and as it is to be.
    """

    def __init__(self, geometry: Geometry, *, wait: int):
        self.geometry = geometry
        self.wait = wait

        super().__init__({
            "keep": In(1),
            "repeat": In(1),
            "x": In(range(geometry.spec.width)),
            "word": In(range(geometry.words)),
            "i": In(geometry.word),
            "o": Out(geometry.word),
        })

    def elaborate(self, platform):
        m = Module()

        i, o = Value.cast(self.i), Value.cast(self.o)
        rows = self.geometry.words << ceil_log2(self.geometry.spec.width)
        m.submodules.row = row = BlockMemory(len(i), rows)
        early = self.wait - BlockMemory.LATENCY
        address = delay(m, Cat(self.word, self.x), early, name="read")
        m.d.comb += [
            row.read_address.eq(address),
            row.write_address.eq(delay(m, address, BlockMemory.LATENCY, name="write")),
            row.write_data.eq(i),
            row.write_enable.eq(delay(m, self.keep, self.wait, name="keep")),
            o.eq(Mux(delay(m, self.repeat, self.wait, name="repeat"), row.read_data, i)),
        ]

        return m
