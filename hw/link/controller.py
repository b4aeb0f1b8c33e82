"""The controller: what to do with a request, and how to answer it."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.frames import HEADER
from golden.wire import FACTS, REPLY, REQUEST, STATUS, VERSION, Error, Kind
from hw.link.packets import HEAD
from hw.ports import COUNTER
from hw.shapes import IDENTITY, struct
from hw.skeleton_memory import DIGEST

__all__ = ["Controller"]

FLUSH = 64
"""Clocks of a reset: more than any pipeline of the chip holds."""

FETCH = 31
"""Clocks that a byte of an identity may take: the chip's clock need not be the link's."""


class Controller(wiring.Component):
    """Answer each request, and the last one again if it comes again.

    A request with kind and sequence number of the last one is that one, whose response was lost: it
    gets the same response, and nothing is done. IDENTIFY and RESET are done each time: they do no
    harm, and a new host may happen to begin with a number that the last one ended with. EXCHANGE
    takes a RESET first: nobody goes on unawares after the chip has lost what it held.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    valid, head, length, release : In, In, In, Out
        The request; see `hw.link.packets.PacketReceiver`.
    clear, o, send, busy : Out, Out(stream), Out, In
        The response; see `hw.link.packets.PacketSender`.
    exchange, done, error, detail : Out, In, In, In
        The walk through an EXCHANGE; see `hw.link.exchange.Exchange`.
    running, dropped, damaged, clocks, engine_busy : In
        What STATUS tells of.
    checked : In
        Whether the chip has checked its skeletons since it was reset: IDENTIFY and RESET wait.
    identity_address, identity : Out, In
        What IDENTIFY tells of: a byte, once the address has held still for `FETCH` clocks.
    reset : Out(1)
        Whether the chip is to be reset.
    """

    def __init__(self, geometry):
        self.geometry = geometry

        super().__init__({
            "valid": In(1),
            "head": In(data.ArrayLayout(8, HEAD)),
            "length": In(range(REQUEST + 1)),
            "release": Out(1),
            "clear": Out(1),
            "o": Out(stream.Signature(8)),
            "send": Out(1),
            "busy": In(1),
            "exchange": Out(1),
            "done": In(1),
            "error": In(8),
            "detail": In(8),
            "running": In(geometry.contexts),
            "dropped": In(16),
            "damaged": In(geometry.skeletons),
            "clocks": In(COUNTER),
            "engine_busy": In(COUNTER),
            "checked": In(1, init=1),
            "identity_address": Out(range(IDENTITY * geometry.skeletons)),
            "identity": In(8),
            "reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        self.kind, self.sequence, self.low, self.high = self.head
        self.ready = Signal()
        self.code, self.detail_byte = Signal(8), Signal(8)
        self.index = Signal(range(FLUSH))
        self.last = Signal(16)
        self.answered = Signal()
        self.take_status(m)
        with m.FSM():
            with m.State("Rest"):
                m.d.sync += [self.index.eq(0), self.code.eq(Error.NONE), self.detail_byte.eq(0)]
                with m.If(self.valid):
                    m.next = "Decide"
            self.decide(m)
            self.begin(m)
            self.reset_chip(m)
            self.identify(m)
            self.status(m)
            self.walk(m)
            with m.State("Send"):
                m.d.comb += self.send.eq(1)
                m.next = "Sending"
            with m.State("Sending"):
                with m.If(~self.busy):
                    m.d.comb += self.release.eq(1)
                    m.d.sync += [self.last.eq(Cat(self.kind, self.sequence)), self.answered.eq(1)]
                    # The request is gone a clock later.
                    m.next = "Released"
            with m.State("Released"):
                m.next = "Rest"

        return m

    def emit(self, m, byte):
        """Append a byte to the response."""
        m.d.comb += [self.o.payload.eq(byte), self.o.valid.eq(1)]

    def fail(self, m, code, detail=0):
        """Answer with an error."""
        m.d.sync += [self.code.eq(code), self.detail_byte.eq(detail)]
        m.next = "Clear"

    def decide(self, m):
        """Tell apart what is new, what comes again and what is wrong."""
        again = Signal()
        m.d.comb += again.eq(self.answered & (self.last == Cat(self.kind, self.sequence)))
        bare = Signal()
        m.d.comb += bare.eq(self.length == HEADER)
        with m.State("Decide"):
            m.next = "Clear"
            with m.Switch(self.kind):
                with m.Case(Kind.IDENTIFY):
                    with m.If(self.length != HEADER + 2):
                        self.fail(m, Error.BAD_LENGTH)
                    with m.Elif((self.low > VERSION) | (self.high < VERSION)):
                        self.fail(m, Error.VERSION, VERSION)
                with m.Case(Kind.RESET):
                    m.next = "Reset"
                    with m.If(~bare):
                        self.fail(m, Error.BAD_LENGTH)
                with m.Case(Kind.STATUS):
                    with m.If(again):
                        m.next = "Send"
                    with m.Elif(~bare):
                        self.fail(m, Error.BAD_LENGTH)
                with m.Case(Kind.EXCHANGE):
                    with m.If(again):
                        m.next = "Send"
                    with m.Elif(~self.ready):
                        self.fail(m, Error.NOT_READY)
                with m.Default():
                    self.fail(m, Error.UNKNOWN_KIND, self.kind)

    def begin(self, m):
        """Begin a response: kind, sequence number, error."""
        with m.State("Clear"):
            m.d.comb += self.clear.eq(1)
            m.d.sync += self.index.eq(0)
            m.next = "Begin"
        with m.State("Begin"):
            m.d.sync += self.index.eq(self.index + 1)
            with m.Switch(self.index):
                with m.Case(0):
                    self.emit(m, self.kind | REPLY)
                with m.Case(1):
                    self.emit(m, self.sequence)
                with m.Case(2):
                    self.emit(m, self.code)
                    with m.If(self.code == Error.NONE):
                        m.d.sync += self.index.eq(0)
                        m.next = "Body"
                with m.Default():
                    self.emit(m, self.detail_byte)
                    m.next = "Send"
        with m.State("Body"), m.Switch(self.kind):
            with m.Case(Kind.IDENTIFY):
                m.next = "Identify"
            with m.Case(Kind.STATUS):
                m.next = "Status"
            with m.Case(Kind.EXCHANGE):
                m.d.comb += self.exchange.eq(1)
                m.next = "Exchange"
            with m.Default():
                m.next = "Send"

    def reset_chip(self, m):
        """Reset the chip, and take exchanges from now on."""
        held = Signal()  # a register drives the chip's reset
        m.d.comb += self.reset.eq(held)
        with m.State("Reset"):
            m.d.sync += [held.eq(1), self.index.eq(self.index + 1)]
            with m.If(self.index == FLUSH - 1):
                m.d.sync += held.eq(0)
                m.next = "Settle"
        # What the chip tells is still from before its reset.
        with m.State("Settle"):
            m.d.sync += self.index.eq(self.index + 1)
            with m.If(self.index == FLUSH - 1):
                m.next = "Checked"
        with m.State("Checked"), m.If(self.checked):
            m.d.sync += self.ready.eq(1)
            m.next = "Clear"

    def identify(self, m):
        """Copy the facts from the first place's identity, then the digest of every one."""
        address = self.identity_address
        wait = Signal(range(FETCH + 1))
        with m.State("Identify"):
            m.d.sync += [address.eq(0), wait.eq(FETCH)]
            with m.If(self.checked):
                m.next = "Fact"
        with m.State("Fact"):
            m.d.sync += wait.eq(wait - 1)
            with m.If(wait == 0):
                self.emit(m, self.identity)
                m.d.sync += [wait.eq(FETCH), address.eq(address + 1)]
                with m.If(address == FACTS.size - 1):
                    m.d.sync += address.eq(DIGEST)
                with m.Elif(address[:6] == DIGEST + 31):
                    m.d.sync += address.eq(address + 1 + IDENTITY - 32)
                    with m.If(address[6:] == self.geometry.skeletons - 1):
                        m.next = "Send"

    def take_status(self, m):
        """Take what is counted, as it is when a response begins."""
        self.taken = taken = Signal(struct(STATUS))
        with m.If(self.clear):
            m.d.sync += [
                taken.running.eq(self.running),
                taken.ready.eq(self.ready),
                taken.dropped.eq(self.dropped),
                taken.damaged.eq(self.damaged),
                taken.clocks.eq(self.clocks),
                taken.busy.eq(self.engine_busy),
            ]

    def status(self, m):
        """Tell of what was taken."""
        taken = self.taken.as_value()
        with m.State("Status"):
            self.emit(m, taken[:8])
            m.d.sync += [taken.eq(taken >> 8), self.index.eq(self.index + 1)]
            with m.If(self.index == STATUS.size - 1):
                m.next = "Send"

    def walk(self, m):
        """Wait for the walk through an EXCHANGE; an error takes the place of what it gave."""
        with m.State("Exchange"), m.If(self.done):
            m.next = "Send"
            with m.If(self.error != Error.NONE):
                self.fail(m, self.error, self.detail)
            with m.If(self.error == Error.STALLED):
                m.d.sync += self.ready.eq(0)
