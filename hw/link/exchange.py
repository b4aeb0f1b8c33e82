"""The walk through an EXCHANGE: chunk by chunk into the chip, and what comes out of it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.frames import HEADER
from golden.wire import CHUNK, COMMAND, NO_PLANE, REQUEST, RESPONSE, Error, Tag
from hw.link.command import command_error, translate, wire_command
from hw.primitives import BlockMemory

__all__ = ["Exchange"]

COUNT = CHUNK["count"].bits

SETTLED = 16
"""Clocks in which whatever a chip at rest has given is here."""


class Exchange(wiring.Component):
    """Walk through the chunks of a request twice: to check all of them, then to act on them.

    So a request with an error in it does nothing at all; the one error that comes later is that the
    chip takes or gives nothing for a while, which leaves it to be reset. Within the same while a
    PLANES chunk waits for a plane, and then goes without.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    patience : int
        Clocks that are waited for the chip.

    Members
    -------
    start : In(1)
        Walk through the request.
    done : Out(1)
        The walk is over, in this clock.
    error, detail : Out(8)
        What was wrong, and with which chunk.
    length, position, byte : In, Out, In
        The request; see `hw.link.packets.PacketReceiver`.
    o : Out(stream.Signature(8))
        Bytes of the response, always to be taken.
    running, pending, taken, damaged : In
        Contexts with a run under way, whether commands wait, whether all data and deltas have been
        taken, places whose skeleton is damaged.
    o_command, o_data, i_data, i_plane, o_delta
        Streams of the chip; see `hw.chip.Chip`.
    """

    def __init__(self, geometry, *, patience):
        self.geometry = geometry
        self.patience = patience

        super().__init__({
            "start": In(1),
            "done": Out(1),
            "error": Out(8),
            "detail": Out(8),
            "length": In(range(REQUEST + 1)),
            "position": Out(COUNT + 1),
            "byte": In(8),
            "o": Out(stream.Signature(8)),
            "running": In(geometry.contexts),
            "pending": In(1),
            "taken": In(1, init=1),
            "damaged": In(geometry.skeletons),
            "o_command": Out(stream.Signature(geometry.command)),
            "o_data": Out(stream.Signature(8)),
            "i_data": In(stream.Signature(8)),
            "i_plane": In(stream.Signature(geometry.plane)),
            "o_delta": Out(stream.Signature(geometry.delta)),
        })

    def elaborate(self, platform):
        m = Module()

        self.act = Signal()  # the second walk
        self.tag = Signal(8)
        self.count = Signal(COUNT)
        self.size = Signal(COUNT + 2)  # of the response
        self.fetching = Signal(range(BlockMemory.LATENCY + 1))
        self.here = Signal()  # the byte is that of the position
        self.waiting = Signal()
        self.late = Signal()
        self.settled = Signal()
        m.d.comb += self.here.eq(self.fetching == 0)
        with m.If(~self.here):
            m.d.sync += self.fetching.eq(self.fetching - 1)

        waited = Signal(range(self.patience + 1))
        m.d.comb += [self.late.eq(waited == self.patience), self.settled.eq(waited >= SETTLED)]
        m.d.sync += waited.eq(Mux(self.waiting & ~self.late, waited + 1, 0))

        self.read = Signal(wire_command())
        self.read_error = command_error(m, self.geometry, self.read, self.damaged)
        with m.FSM():
            self.walk(m)
            self.check(m)
            self.command(m)
            self.feed(m)
            self.fetch(m)
            self.planes(m)

        return m

    def go_to(self, m, position):
        """Read at another place."""
        m.d.sync += [self.position.eq(position), self.fetching.eq(BlockMemory.LATENCY)]

    def end(self, m, error):
        """End the walk."""
        m.d.sync += self.error.eq(error)
        m.next = "End"

    def wait(self, m, error=Error.STALLED):
        """Wait for the chip, and no longer than a while."""
        m.d.comb += self.waiting.eq(1)
        with m.If(self.late):
            self.end(m, error)

    def emit(self, m, byte):
        """Append a byte to the response."""
        m.d.comb += [self.o.payload.eq(byte), self.o.valid.eq(1)]

    def walk(self, m):
        """Go from chunk to chunk and read their tags and counts."""
        short = Signal()
        m.d.comb += short.eq(self.position == self.length)
        with m.State("Rest"):
            m.d.sync += [self.act.eq(0), self.detail.eq(~0), self.size.eq(HEADER + 2)]
            self.go_to(m, HEADER)
            with m.If(self.start):
                m.next = "Tag"
        with m.State("Tag"):
            with m.If(self.size > RESPONSE):
                self.end(m, Error.BAD_LENGTH)
            with m.Elif(short & ~self.act):
                m.d.sync += [self.act.eq(1), self.detail.eq(~0)]
                self.go_to(m, HEADER)
            with m.Elif(short):
                self.emit(m, self.running)
                self.end(m, Error.NONE)
            with m.Elif(self.here):
                m.d.sync += [self.tag.eq(self.byte), self.detail.eq(self.detail + 1)]
                self.go_to(m, self.position + 1)
                m.next = "Low"
        for name, part, following in (
            ("Low", self.count[:8], "High"),
            ("High", self.count[8:], "Check"),
        ):
            with m.State(name):
                with m.If(short):
                    self.end(m, Error.BAD_LENGTH)
                with m.Elif(self.here):
                    m.d.sync += part.eq(self.byte)
                    self.go_to(m, self.position + 1)
                    m.next = following
        with m.State("End"):
            m.d.comb += self.done.eq(1)
            m.next = "Rest"

    def check(self, m):
        """Check a chunk's tag and count, and go where it is dealt with."""
        spec = self.geometry.spec
        fits = Signal()
        m.d.comb += fits.eq(self.position + self.count <= self.length)
        counts = {
            Tag.COMMAND: (fits & (self.count == COMMAND.size), "Command", "Command"),
            Tag.DATA: (fits & (self.count != 0), "Skip", "Data"),
            Tag.DELTA: (fits & (self.count == 1 + spec.deltas), "Context", "Context"),
            Tag.FETCH: (self.count != 0, "Measure fetch", "Fetch"),
            Tag.PLANES: (
                (self.count != 0) & (self.count <= self.geometry.contexts),
                "Measure planes",
                "Planes",
            ),
        }
        with m.State("Check"):
            with m.Switch(self.tag):
                for tag, (right, checking, acting) in counts.items():
                    with m.Case(tag):
                        m.next = checking
                        with m.If(self.act):
                            m.next = acting
                        with m.Elif(~right):
                            self.end(m, Error.BAD_LENGTH)
                with m.Default():
                    self.end(m, Error.UNKNOWN_TAG)
        with m.State("Skip"):
            self.go_to(m, self.position + self.count)
            m.next = "Tag"
        with m.State("Measure fetch"):
            m.d.sync += self.size.eq(self.size + self.count)
            m.next = "Tag"
        with m.State("Measure planes"):
            m.d.sync += self.size.eq(self.size + 1 + spec.cells)
            m.d.sync += self.count.eq(self.count - 1)
            with m.If(self.count == 0):
                m.d.sync += self.size.eq(self.size + 1)
                m.next = "Tag"

    def command(self, m):
        """Read a command; check it, or hand it on."""
        read, error = self.read, self.read_error
        with m.State("Command"):
            with m.If(self.count == 0):
                m.next = "Check command"
                with m.If(self.act):
                    m.next = "Hand on"
            with m.Elif(self.here):
                m.d.sync += read.as_value().eq(Cat(read.as_value()[8:], self.byte))
                m.d.sync += self.count.eq(self.count - 1)
                self.go_to(m, self.position + 1)
        with m.State("Check command"):
            m.next = "Tag"
            with m.If(error != Error.NONE):
                self.end(m, error)
        m.d.comb += translate(read, self.o_command.p)
        with m.State("Hand on"):
            m.d.comb += self.o_command.valid.eq(1)
            with m.If(self.o_command.ready):
                m.next = "Tag"
            with m.Else():
                self.wait(m)

    def feed(self, m):
        """Hand data and deltas on."""
        context = Signal(self.geometry.context)
        m.d.comb += [
            self.o_data.payload.eq(self.byte),
            self.o_delta.p.code.eq(self.byte),
            self.o_delta.p.context.eq(context),
        ]
        with m.State("Context"):
            with m.If(self.here):
                m.d.sync += [context.eq(self.byte), self.count.eq(self.count - 1)]
                self.go_to(m, self.position + 1)
                m.next = "Skip"
                with m.If(self.act):
                    m.next = "Delta"
                with m.Elif(self.byte >= self.geometry.contexts):
                    self.end(m, Error.NO_SUCH_CONTEXT)
        for name, port in (("Data", self.o_data), ("Delta", self.o_delta)):
            with m.State(name):
                m.d.comb += port.valid.eq(self.here)
                with m.If(port.valid & port.ready):
                    m.d.sync += self.count.eq(self.count - 1)
                    self.go_to(m, self.position + 1)
                    with m.If(self.count == 1):
                        m.next = "Handed on"
                with m.Elif(self.here):
                    self.wait(m)
        # So that nothing stays behind which the chip did not want.
        with m.State("Handed on"):
            with m.If(self.taken):
                m.next = "Tag"
            with m.Else():
                self.wait(m)

    def fetch(self, m):
        """Take data."""
        with m.State("Fetch"):
            m.d.comb += self.i_data.ready.eq(1)
            with m.If(self.i_data.valid):
                self.emit(m, self.i_data.payload)
                m.d.sync += self.count.eq(self.count - 1)
                with m.If(self.count == 1):
                    m.next = "Tag"
            with m.Else():
                self.wait(m)

    def planes(self, m):
        """Take planes as long as there are, and some are wanted or on their way."""
        rests = Signal()
        m.d.comb += rests.eq(~self.running.any() & ~self.pending)
        with m.State("Planes"):
            with m.If((self.count != 0) & self.i_plane.valid):
                self.emit(m, self.i_plane.p.context)
                m.next = "Plane"
            with m.Elif((self.count == 0) | (rests & self.settled) | self.late):
                self.emit(m, NO_PLANE)
                m.next = "Tag"
            with m.Else():
                m.d.comb += self.waiting.eq(1)
        with m.State("Plane"):
            m.d.comb += self.i_plane.ready.eq(1)
            with m.If(self.i_plane.valid):
                self.emit(m, self.i_plane.p.code.as_unsigned())
                with m.If(self.i_plane.p.last):
                    m.d.sync += self.count.eq(self.count - 1)
                    m.next = "Planes"
            with m.Else():
                self.wait(m)
