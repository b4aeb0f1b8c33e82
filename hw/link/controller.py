"""The controller: what to do with a request, and how to answer it."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.frames import HEADER
from golden.wire import REPLY, STATUS, VERSION, Error, Kind
from hw.link.facts import FactReader, StatusReader
from hw.link.packets import HEAD, KEPT
from hw.link.response import Response
from hw.ports import COUNTER, FLUSH
from hw.shapes import IDENTITY, Geometry

__all__ = ["Controller"]


class Controller(wiring.Component):
    """Answer each request, and the last two again if they come again.

    A request with kind and sequence number of one of the last two is that one, whose response was
    lost: it gets the same response, and nothing is done. IDENTIFY and RESET are done each time:
    they do no harm, and a new host may happen to begin with a number that the last one ended with.
    They make all responses before them forgotten. EXCHANGE takes a RESET first: nobody goes on
    unawares after the chip has lost what it held. An EXCHANGE whose number does not follow the last
    request's is ignored: one between them was lost.

    The next request is dealt with while the response is sent.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    valid, head, length, release : In, In, In, Out
        The request; see `hw.link.packets.PacketReceiver`.
    place, clear, o, send, busy, sending : Out, Out, Out(stream), Out, In, In
        The response; see `hw.link.packets.PacketSender`.
    exchange, done, error, detail : Out, In, In, In
        The walk through an EXCHANGE; see `hw.link.exchange.Exchange`.
    running, dropped, damaged, clocks, engine_busy : In
        What STATUS tells of.
    checked : In
        Whether the chip has checked its skeletons since it was reset: IDENTIFY and RESET wait.
    identity_address, identity : Out, In
        What IDENTIFY tells of: a byte, once the address has held still for
        `hw.link.facts.FETCH` clocks.
    reset : Out(1)
        Whether the chip is to be reset.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "valid": In(1),
            "head": In(data.ArrayLayout(8, HEAD)),
            "length": In(range(geometry.request + 1)),
            "release": Out(1),
            "place": Out(1),
            "clear": Out(1),
            "o": Out(stream.Signature(8)),
            "send": Out(1),
            "busy": In(1),
            "sending": In(1),
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

        ready = Signal()  # a RESET has been done, and nothing has stalled since
        response = Response(m, self.o)
        again, follows = self.look_back(m)
        with m.FSM():
            with m.State("Rest"):
                m.d.sync += [
                    response.index.eq(0),
                    response.code.eq(Error.NONE),
                    response.detail.eq(0),
                ]
                with m.If(self.valid):
                    m.next = "Decide"
            self.decide(m, response, ready, again, follows)
            self.begin(m, response)
            self.choose_body(m)
            self.reset_chip(m, response, ready)
            self.identify(m, response)
            self.tell_status(m, response, ready)
            self.walk(m, response, ready)
            self.send_response(m)

        return m

    def decide(
        self, m: Module, response: Response, ready: Signal, again: Value, follows: Value
    ) -> None:
        """Tell apart what is new, what comes again and what is wrong."""
        kind, _, low, high = self.head
        bare = self.length == HEADER
        with m.State("Decide"):
            m.next = "Clear"
            with m.If(again):
                m.next = "Send"
            with m.Else(), m.Switch(kind):
                with m.Case(Kind.IDENTIFY):
                    with m.If(self.length != HEADER + 2):
                        response.fail(Error.BAD_LENGTH)
                    with m.Elif((low > VERSION) | (high < VERSION)):
                        response.fail(Error.VERSION, VERSION)
                with m.Case(Kind.RESET):
                    m.next = "Reset"
                    with m.If(~bare):
                        response.fail(Error.BAD_LENGTH)
                with m.Case(Kind.STATUS), m.If(~bare):
                    response.fail(Error.BAD_LENGTH)
                with m.Case(Kind.EXCHANGE):
                    with m.If(~ready):
                        response.fail(Error.NOT_READY)
                    with m.Elif(~follows):
                        m.next = "Ignore"
                with m.Default():
                    response.fail(Error.UNKNOWN_KIND, kind)

    def look_back(self, m: Module) -> tuple[Value, Value]:
        """Return whether one of the last two requests comes again, and whether the next one comes.

        A request that is done each time never comes again.
        """
        kind, sequence, *_ = self.head
        last = Signal(data.ArrayLayout(16, KEPT))
        answered = Signal(KEPT)
        next_sequence = Signal(8)
        m.d.comb += self.place.eq(sequence[0])
        with m.If(self.send):
            m.d.sync += [
                last[self.place].eq(Cat(kind, sequence)),
                answered.bit_select(self.place, 1).eq(1),
            ]
        once = (kind == Kind.STATUS) | (kind == Kind.EXCHANGE)
        with m.If(self.clear):
            m.d.sync += [
                next_sequence.eq(sequence + 1),
                answered.eq(Mux(once, answered & ~(1 << self.place), 0)),
            ]
        same = last[self.place] == Cat(kind, sequence)
        again = answered.bit_select(self.place, 1) & same & once
        return again, sequence == next_sequence

    def begin(self, m: Module, response: Response) -> None:
        """Begin a response: kind, sequence number, error."""
        kind, sequence, *_ = self.head
        with m.State("Clear"), m.If(~self.busy | (self.sending != self.place)):
            m.d.comb += self.clear.eq(1)
            m.d.sync += response.index.eq(0)
            m.next = "Begin"
        with m.State("Begin"):
            response.count_up()
            with m.Switch(response.index):
                with m.Case(0):
                    response.emit(kind | REPLY)
                with m.Case(1):
                    response.emit(sequence)
                with m.Case(2):
                    response.emit(response.code)
                    with m.If(response.code == Error.NONE):
                        m.d.sync += response.index.eq(0)
                        m.next = "Body"
                with m.Default():
                    response.emit(response.detail)
                    m.next = "Send"

    def choose_body(self, m: Module) -> None:
        """Go on with what a kind's response holds."""
        with m.State("Body"), m.Switch(self.head[0]):
            with m.Case(Kind.IDENTIFY):
                m.next = "Identify"
            with m.Case(Kind.STATUS):
                m.next = "Status"
            with m.Case(Kind.EXCHANGE):
                m.d.comb += self.exchange.eq(1)
                m.next = "Exchange"
            with m.Default():
                m.next = "Send"

    def reset_chip(self, m: Module, response: Response, ready: Signal) -> None:
        """Reset the chip, and take exchanges from now on."""
        held = Signal()  # a register drives the chip's reset
        m.d.comb += self.reset.eq(held)
        with m.State("Reset"):
            m.d.sync += held.eq(1)
            response.count_up()
            with m.If(response.index == FLUSH - 1):
                m.d.sync += held.eq(0)
                m.next = "Settle"
        # What the chip tells is still from before its reset.
        with m.State("Settle"):
            response.count_up()
            with m.If(response.index == FLUSH - 1):
                m.next = "Checked"
        with m.State("Checked"), m.If(self.checked):
            m.d.sync += ready.eq(1)
            m.next = "Clear"

    def identify(self, m: Module, response: Response) -> None:
        """Copy the chip's facts and digests."""
        m.submodules.facts = facts = FactReader(self.geometry)
        m.d.comb += self.identity_address.eq(facts.address)
        with m.State("Identify"):
            m.d.comb += facts.start.eq(1)
            with m.If(self.checked):
                m.next = "Fact"
        with m.State("Fact"):
            m.d.comb += facts.run.eq(1)
            with m.If(facts.valid):
                response.emit(self.identity)
                with m.If(facts.last):
                    m.next = "Send"

    def tell_status(self, m: Module, response: Response, ready: Signal) -> None:
        """Tell what is counted, as it was when the response began."""
        m.submodules.status = reader = StatusReader()
        m.d.comb += [
            reader.take.eq(self.clear),
            reader.status.running.eq(self.running),
            reader.status.ready.eq(ready),
            reader.status.dropped.eq(self.dropped),
            reader.status.damaged.eq(self.damaged),
            reader.status.clocks.eq(self.clocks),
            reader.status.busy.eq(self.engine_busy),
        ]
        with m.State("Status"):
            m.d.comb += reader.shift.eq(1)
            response.emit(reader.byte)
            response.count_up()
            with m.If(response.index == STATUS.size - 1):
                m.next = "Send"

    def walk(self, m: Module, response: Response, ready: Signal) -> None:
        """Wait for the walk through an EXCHANGE; an error takes the place of what it gave."""
        with m.State("Exchange"), m.If(self.done):
            m.next = "Send"
            with m.If(self.error != Error.NONE):
                response.fail(self.error, self.detail)
            with m.If(self.error == Error.STALLED):
                m.d.sync += ready.eq(0)

    def send_response(self, m: Module) -> None:
        """Send the response once the one before it is sent, and forget the request."""
        with m.State("Send"), m.If(~self.busy):
            m.d.comb += [self.send.eq(1), self.release.eq(1)]
            # The request is gone a clock later.
            m.next = "Released"
        with m.State("Ignore"):
            m.d.comb += self.release.eq(1)
            m.next = "Released"
        with m.State("Released"):
            m.next = "Rest"
