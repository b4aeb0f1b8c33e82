"""What a chip says of itself: its facts and digests, and its status."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.wire import DIGEST_BYTES, FACTS, STATUS
from hw.shapes import IDENTITY, Geometry, struct
from hw.skeleton_memory import DIGEST

__all__ = ["FETCH", "FactReader", "StatusReader"]

FETCH = 31
"""Clocks that a byte of an identity may take: the chip's clock need not be the link's."""


class FactReader(wiring.Component):
    """Step through the facts in the first place's identity, then through every place's digest.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    start : In(1)
        Go to the first fact.
    run : In(1)
        Go on.
    address : Out
        Byte of the identities that is read.
    valid : Out(1)
        Whether it has held still for `FETCH` clocks: the byte is here.
    last : Out(1)
        Whether it is the last one.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "start": In(1),
            "run": In(1),
            "address": Out(range(IDENTITY * geometry.skeletons)),
            "valid": Out(1),
            "last": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        address = self.address
        wait = Signal(range(FETCH + 1))
        digest_ends = address[:6] == DIGEST + DIGEST_BYTES - 1
        m.d.comb += [
            self.valid.eq(self.run & (wait == 0)),
            self.last.eq(digest_ends & (address[6:] == self.geometry.skeletons - 1)),
        ]
        with m.If(self.start):
            m.d.sync += [address.eq(0), wait.eq(FETCH)]
        with m.If(self.run):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.valid):
            m.d.sync += [wait.eq(FETCH), address.eq(address + 1)]
            with m.If(address == FACTS.size - 1):
                m.d.sync += address.eq(DIGEST)
            with m.Elif(digest_ends):
                m.d.sync += address.eq(address + 1 + IDENTITY - DIGEST_BYTES)

        return m


class StatusReader(wiring.Component):
    """Take the status as it is in one clock, and give it byte by byte.

    Members
    -------
    take, status : In
        Whether to take the status, and the status.
    byte : Out(8)
        The next byte.
    shift : In(1)
        Go on to the byte after that.
    """

    def __init__(self):
        super().__init__({
            "take": In(1),
            "status": In(struct(STATUS)),
            "byte": Out(8),
            "shift": In(1),
        })

    def elaborate(self, platform):
        m = Module()

        taken = Signal(len(self.status.as_value()))
        m.d.comb += self.byte.eq(taken[:8])
        with m.If(self.take):
            m.d.sync += taken.eq(self.status)
        with m.If(self.shift):
            m.d.sync += taken.eq(taken >> 8)

        return m
