"""The compact form of bytes: see `golden.compact`."""

from amaranth import *
from amaranth.hdl import ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.compact import GROUP, LONGEST_RUN, MOST_BITS, RUN
from hw.link.cobs import packet_byte

__all__ = ["COUNT_BITS", "Compressor", "Expander"]

NIBBLE = 4

COUNT_BITS = 16
"""Bits of a number of values."""


class Compressor(wiring.Component):
    """Bring bytes into compact form. Bit-exact with ``golden.compact.compress``.

    A group of four values takes at most seven clocks, and one for each bit of its differences. Does
    not accept backpressure on its output.

    Members
    -------
    i : In(stream)
        Values; the last one ends a form.
    o : Out(stream.Signature(8))
        Bytes of the form, each valid for one clock.
    ends : Out(1)
        Whether the form's last value has come, but not yet all its bytes; high from the clock after
        that value.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(packet_byte())),
            "o": Out(stream.Signature(8)),
            "ends": Out(1),
        })
        self.changes = Signal(data.ArrayLayout(8, GROUP))
        self.wide, self.some = Signal(MOST_BITS - 1), Signal()
        self.index = Signal(range(GROUP))
        self.nibble, self.given = Signal(NIBBLE), Signal()

    def elaborate(self, platform):
        m = Module()

        previous = Signal(8)
        bits, run = Signal(range(MOST_BITS + 1)), Signal(range(LONGEST_RUN + 1))
        half = self.join_nibbles(m)
        width = self.width(m)
        with m.FSM():
            with m.State("Gather"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [previous.eq(self.i.p.data), self.ends.eq(self.i.p.last)]
                    with m.If(self.i.p.last):
                        m.next = "Fill"
                    self.take(m, self.i.p.data - previous)
            with m.State("Fill"):
                self.take(m, C(0, 8))
            with m.State("Judge"):
                m.d.sync += bits.eq(width)
                m.next = "Gather"
                with m.If(width == 0):
                    m.d.sync += run.eq(run + 1)
                with m.Elif(run == 0):
                    m.next = "Header"
                with m.If(Mux(width == 0, self.ends | (run == LONGEST_RUN - 1), run != 0)):
                    m.next = "Run"
            with m.State("Run"):
                self.give(m, Mux(run == 1, 0, RUN + run))
                m.d.sync += run.eq(0)
                m.next = "Header"
                with m.If(bits == 0):
                    self.go_on(m)
            with m.State("Header"):
                self.give(m, bits)
                m.next = "Bits"
            with m.State("Bits"):
                self.give(
                    m, Cat(Cat(C(0, 1), change).bit_select(bits, 1) for change in self.changes)
                )
                m.d.sync += bits.eq(bits - 1)
                with m.If(bits == 1):
                    self.go_on(m)
            with m.State("End"):
                with m.If(half):
                    self.give(m, 0)
                with m.Else():
                    m.d.sync += [previous.eq(0), self.ends.eq(0)]
                    m.next = "Gather"

        return m

    def take(self, m: Module, change: Value) -> None:
        """Take a difference, and judge a group when it is full."""
        change = change[:8]
        first = self.index == 0
        folded = change[:-1] ^ change[-1].replicate(MOST_BITS - 1)
        m.d.sync += [
            self.changes.eq(Cat(self.changes.as_value()[8:], change)),
            self.wide.eq(Mux(first, 0, self.wide) | folded),
            self.some.eq(Mux(first, 0, self.some) | change.any()),
            self.index.eq(self.index + 1),
        ]
        with m.If(self.index == GROUP - 1):
            m.next = "Judge"

    def width(self, m: Module) -> Signal:
        """Return the bits of a group's differences."""
        width = Signal(range(MOST_BITS + 1))
        m.d.comb += width.eq(self.some)
        for place, bit in enumerate(self.wide):
            with m.If(bit):
                m.d.comb += width.eq(place + 2)
        return width

    def go_on(self, m: Module) -> None:
        """Go on with the next group, or end the form."""
        m.next = "Gather"
        with m.If(self.ends):
            m.next = "End"

    def give(self, m: Module, nibble: ValueLike) -> None:
        """Append a nibble."""
        m.d.comb += [self.nibble.eq(nibble), self.given.eq(1)]

    def join_nibbles(self, m: Module) -> Signal:
        """Make bytes of nibbles; return whether one of them waits for its other half."""
        low, half = Signal(NIBBLE), Signal()
        m.d.comb += [self.o.payload.eq(Cat(low, self.nibble)), self.o.valid.eq(self.given & half)]
        with m.If(self.given):
            m.d.sync += [low.eq(self.nibble), half.eq(~half)]
        return half


class Expander(wiring.Component):
    """Read values in compact form. Bit-exact with ``golden.compact.expand``.

    A reset comes before each form. A group of four values takes five clocks, and one for each bit
    of its differences.

    Members
    -------
    count : In
        Number of values.
    i : In(stream.Signature(4))
        Nibbles of the form.
    o : Out(stream.Signature(8))
        The values.
    over : Out(1)
        Whether all values have been taken.
    wrong : Out(1)
        Of a form that is over: whether it goes on, with a run of zeros.
    """

    def __init__(self):
        super().__init__({
            "count": In(COUNT_BITS),
            "i": In(stream.Signature(NIBBLE)),
            "o": Out(stream.Signature(8)),
            "over": Out(1),
            "wrong": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        given, index = Signal(COUNT_BITS), Signal(range(GROUP))
        changes, previous = Signal(data.ArrayLayout(8, GROUP)), Signal(8)
        bits, first = Signal(range(MOST_BITS + 1)), Signal()
        run = Signal(range(LONGEST_RUN + 1))  # groups under way
        header = self.i.payload
        m.d.comb += [
            self.over.eq(given == self.count),
            self.wrong.eq(run != (index != 0)),
            self.o.payload.eq(previous + changes[0]),
        ]
        with m.FSM():
            with m.State("Header"):
                m.d.comb += self.i.ready.eq(~self.over)
                with m.If(self.i.valid & ~self.over):
                    m.d.sync += [bits.eq(header), first.eq(1), run.eq(1)]
                    m.next = "Values"
                    with m.If(header > MOST_BITS):
                        m.d.sync += run.eq(header - RUN)
                    with m.Elif(header != 0):
                        m.next = "Bits"
            with m.State("Bits"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    for change, bit in zip(changes, self.i.payload, strict=True):
                        higher = Mux(first, bit.replicate(7), change[:-1])
                        m.d.sync += change.eq(Cat(bit, higher))
                    m.d.sync += [bits.eq(bits - 1), first.eq(0)]
                    with m.If(bits == 1):
                        m.next = "Values"
            with m.State("Values"):
                m.d.comb += self.o.valid.eq(~self.over)
                with m.If(self.over):
                    m.next = "Header"
                with m.Elif(self.o.ready):
                    m.d.sync += [
                        previous.eq(self.o.payload),
                        changes.eq(changes.as_value()[8:]),
                        index.eq(index + 1),
                        given.eq(given + 1),
                    ]
                    with m.If(index == GROUP - 1):
                        m.d.sync += run.eq(run - 1)
                        with m.If(run == 1):
                            m.next = "Header"

        return m
