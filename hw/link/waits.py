"""What a walk through a request waits for: the byte at a position, and the chip."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.wire import CHUNK
from hw.primitives import BlockMemory

__all__ = ["COUNT", "SETTLED", "Cursor", "Patience"]

COUNT = CHUNK["count"].bits

SETTLED = 16
"""Clocks in which whatever a chip at rest has given is here."""


class Cursor(wiring.Component):
    """Point at a byte of the request, and tell when the memory has it.

    Members
    -------
    go, to : In
        Whether to point elsewhere, and where.
    position : Out
        The byte pointed at.
    here : Out(1)
        Whether the memory gives that byte.
    """

    def __init__(self):
        super().__init__({
            "go": In(1),
            "to": In(COUNT + 1),
            "position": Out(COUNT + 1),
            "here": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        left = Signal(range(BlockMemory.LATENCY + 1))
        m.d.comb += self.here.eq(left == 0)
        with m.If(~self.here):
            m.d.sync += left.eq(left - 1)
        with m.If(self.go):
            m.d.sync += [self.position.eq(self.to), left.eq(BlockMemory.LATENCY)]

        return m


class Patience(wiring.Component):
    """Count the clocks of one wait.

    Parameters
    ----------
    clocks : int
        Clocks after which a wait is too long.

    Members
    -------
    waiting : In(1)
        Whether the wait goes on. It ends in the first clock without.
    late : Out(1)
        Whether the wait is too long; a new one begins in the next clock.
    settled : Out(1)
        Whether it is at least as long as `SETTLED`.
    """

    def __init__(self, clocks: int):
        self.clocks = clocks

        super().__init__({"waiting": In(1), "late": Out(1), "settled": Out(1)})

    def elaborate(self, platform):
        m = Module()

        waited = Signal(range(self.clocks + 1))
        m.d.comb += [self.late.eq(waited == self.clocks), self.settled.eq(waited >= SETTLED)]
        m.d.sync += waited.eq(Mux(self.waiting & ~self.late, waited + 1, 0))

        return m
