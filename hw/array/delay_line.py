"""A delay line for words: a line buffer, or the distance between two columns of the window."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import BlockMemory, delay

__all__ = ["DelayLine"]


class DelayLine(wiring.Component):
    """Delay a stream of words by ``words`` words and one clock.

    A word lasts from a clock in which ``advance`` is high to the next such clock. The line stands
    still while ``advance`` is low. Takes one memory of ``words`` rows.

    Parameters
    ----------
    width : int
        Bits in a word.
    words : int
        Delay, at least 2.

    Members
    -------
    i, advance : In
        Word, and whether this is its first clock.
    o, o_advance : Out
        The same, delayed.
    """

    def __init__(self, width, words):
        if words < 2:
            raise ValueError(f"Delay must be at least 2 words, not {words!r}")

        self.width = width
        self.words = words

        super().__init__({
            "i": In(width),
            "advance": In(1),
            "o": Out(width),
            "o_advance": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.ring = ring = BlockMemory(self.width, self.words)
        pointer = Signal(range(self.words))
        after = Signal(range(self.words), init=1)  # the row after the pointer's

        # The row after the one being written is the oldest: it leaves with the next word.
        m.d.comb += [
            ring.write_address.eq(pointer),
            ring.write_data.eq(self.i),
            ring.write_enable.eq(self.advance),
            ring.read_address.eq(after),
            ring.read_enable.eq(self.advance),
            self.o.eq(ring.read_data),
            self.o_advance.eq(delay(m, self.advance, 1, name="advance")),
        ]
        with m.If(self.advance):
            m.d.sync += [pointer.eq(after), after.eq(Mux(after == self.words - 1, 0, after + 1))]

        return m
