"""The walk through an EXCHANGE: chunk by chunk into the chip, and what comes out of it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.compact import SPARE, most_bytes
from golden.frames import HEADER
from golden.wire import COMMAND, Error, Tag
from hw.link.chunks import expand, hand_bytes_on, hand_command_on, read_command, read_context
from hw.link.outputs import collect_planes, compress, fetch
from hw.link.waits import COUNT
from hw.link.walk import Walk
from hw.shapes import Geometry

__all__ = ["Exchange"]


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

    def __init__(self, geometry: Geometry, *, patience: int):
        self.geometry = geometry
        self.patience = patience

        super().__init__({
            "start": In(1),
            "done": Out(1),
            "error": Out(8),
            "detail": Out(8),
            "length": In(range(geometry.request + 1)),
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

        walk = Walk(m, self)
        with m.FSM():
            self.begin(m, walk)
            self.read_tag(m, walk)
            self.read_count(m, walk)
            self.end(m)
            self.check(m, walk)
            self.measure(m, walk)
            read_command(walk)
            hand_command_on(walk)
            read_context(walk)
            hand_bytes_on(walk)
            expand(walk)
            compressor = compress(walk)
            fetch(walk, compressor)
            collect_planes(walk, compressor)

        return m

    def begin(self, m: Module, walk: Walk) -> None:
        """Wait for a request to walk through."""
        with m.State("Rest"):
            m.d.comb += walk.rests.eq(1)
            m.d.sync += [walk.act.eq(0), self.detail.eq(~0), walk.size.eq(HEADER + 2)]
            walk.go_to(HEADER)
            with m.If(self.start):
                m.next = "Tag"

    def read_tag(self, m: Module, walk: Walk) -> None:
        """Read the next chunk's tag; behind the last chunk walk again, or end."""
        over = walk.position == self.length
        with m.State("Tag"):
            with m.If(walk.size > self.geometry.response):
                walk.end(Error.BAD_LENGTH)
            with m.Elif(over & ~walk.act):
                m.d.sync += [walk.act.eq(1), self.detail.eq(~0)]
                walk.go_to(HEADER)
            with m.Elif(over):
                walk.emit(self.running)
                walk.end(Error.NONE)
            with m.Elif(walk.here):
                m.d.sync += [walk.tag.eq(self.byte), self.detail.eq(self.detail + 1)]
                walk.go_on()
                m.next = "Low"

    def read_count(self, m: Module, walk: Walk) -> None:
        """Read the chunk's count."""
        for name, part, following in (
            ("Low", walk.count[:8], "High"),
            ("High", walk.count[8:], "Check"),
        ):
            with m.State(name):
                with m.If(walk.position == self.length):
                    walk.end(Error.BAD_LENGTH)
                with m.Elif(walk.here):
                    m.d.sync += part.eq(self.byte)
                    walk.go_on()
                    m.next = following

    def end(self, m: Module) -> None:
        """Tell that the walk is over."""
        with m.State("End"):
            m.d.comb += self.done.eq(1)
            m.next = "Rest"

    def check(self, m: Module, walk: Walk) -> None:
        """Check the chunk's tag and count, and go where it is dealt with."""
        count, contexts = walk.count, self.geometry.contexts
        fits = Signal()
        m.d.comb += fits.eq(walk.position + count <= self.length)
        # Of each tag: whether the count is right, where the first walk goes on, and the second.
        planes = (count != 0) & (count <= contexts), "Measure planes", "Planes"
        ways = {
            Tag.COMMAND: (fits & (count == COMMAND.size), "Command", "Command"),
            Tag.DATA: (fits & (count != 0), "Skip", "Data"),
            Tag.DELTA: (fits & (count == 1 + self.geometry.spec.deltas), "Context", "Context"),
            Tag.FETCH: (count != 0, "Measure fetch", "Fetch"),
            Tag.PLANES: planes,
            Tag.COMPACT_DATA: (fits & (count > 2), "Values low", "Values low"),
            Tag.COMPACT_FETCH: (count != 0, "Measure fetch", "Fetch"),
            Tag.COMPACT_PLANES: planes,
        }
        with m.State("Check"), m.Switch(walk.tag):
            for tag, (right, checking, acting) in ways.items():
                with m.Case(tag):
                    m.next = checking
                    with m.If(walk.act):
                        m.next = acting
                    with m.Elif(~right):
                        walk.end(Error.BAD_LENGTH)
            with m.Default():
                walk.end(Error.UNKNOWN_TAG)

    def measure(self, m: Module, walk: Walk) -> None:
        """On the first walk, add what the chunk will answer to the response's size."""
        with m.State("Skip"):
            walk.go_to(walk.position + walk.count)
            m.next = "Tag"
        with m.State("Measure fetch"):
            m.d.sync += walk.size.eq(walk.size + walk.count)
            m.next = "Tag"
            with m.If(walk.compact):
                m.next = "Measure form"
        with m.State("Measure form"):
            m.d.sync += walk.size.eq(walk.size + (walk.count >> 3) + SPARE)
            m.next = "Tag"
        cells = self.geometry.spec.cells
        with m.State("Measure planes"):
            plane = Mux(walk.compact, 1 + most_bytes(cells), 1 + cells)
            m.d.sync += walk.size.eq(walk.size + plane)
            walk.count_down()
            with m.If(walk.count == 0):
                m.d.sync += walk.size.eq(walk.size + 1)
                m.next = "Tag"
