"""What passes from one clock to another: payloads through a queue, or the newest value there is.

Both components join a domain ``source`` to a domain ``target``, and are reset on both sides at
once, for some clocks of each: then no count is seen while it jumps.
"""

from amaranth import *
from amaranth.hdl import ShapeLike
from amaranth.lib import memory, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["Queue", "Snapshot"]


def decode_gray(gray: Value) -> Value:
    """Return the count that Gray's code stands for."""
    return Cat(gray[index:].xor() for index in range(len(gray)))


def gray(count: Value) -> Value:
    """Return Gray's code of a count."""
    return count ^ (count >> 1)


class Queue(wiring.Component):
    """Queue payloads from domain ``source`` to domain ``target``.

    A payload leaves some three clocks of ``target`` after it came; initiation interval one where
    the depth covers the way there and back. Everything at both ends comes from registers. Takes
    ``depth`` rows of distributed memory.

    `amaranth.lib.fifo.AsyncFIFO` is reset from its writing side alone; here the link resets both
    sides of every queue, those that the chip writes too.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a payload.
    depth : int
        Rows, a power of two: there is room for two payloads less.

    Members
    -------
    i : In(stream)
        Payloads, in domain ``source``.
    empty : Out(1)
        Whether all of them have been taken, in domain ``source``.
    o : Out(stream)
        The same payloads, in order, in domain ``target``.
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.depth = depth

        super().__init__({
            "i": In(stream.Signature(shape)),
            "empty": Out(1, init=1),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()

        bits = exact_log2(self.depth)
        m.submodules.memory = rows = memory.Memory(
            shape=len(Value.cast(self.i.payload)), depth=self.depth, init=[]
        )
        write, read = rows.write_port(domain="source"), rows.read_port(domain="comb")
        payload = Signal.like(read.data, name="payload", reset_less=True)
        m.d.comb += Value.cast(self.o.payload).eq(payload)

        # Counts cross in Gray's code: from one to the next a single bit changes. Both answers come
        # from registers, so they know of what was taken a little late, and ready holds back
        # two places for what is written meanwhile.
        written, written_gray = Signal(bits + 1), Signal(bits + 1)
        taken_gray, known = Signal(bits + 1), Signal(bits + 1)
        seen = self.seen(m, taken_gray, "taken", by="source")
        level, wrote = Signal(bits + 1), Signal()
        m.d.comb += [
            write.addr.eq(written),
            write.data.eq(Value.cast(self.i.payload)),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        m.d.source += [
            known.eq(decode_gray(seen)),
            level.eq(written - known),
            wrote.eq(write.en),
            self.i.ready.eq(level < self.depth - 2),
            self.empty.eq((level == 0) & ~write.en & ~wrote),
        ]
        with m.If(write.en):
            m.d.source += [
                written.eq(written + 1),
                written_gray.eq(gray((written + 1)[: bits + 1])),
            ]

        fetched, fetched_gray, before_gray = (Signal(bits + 1) for _ in range(3))
        some = Signal()
        m.d.comb += [
            read.addr.eq(fetched),
            some.eq(fetched_gray != self.seen(m, written_gray, "written", by="target")),
        ]
        with m.If(~self.o.valid | self.o.ready):
            m.d.target += [self.o.valid.eq(some), payload.eq(read.data)]
            with m.If(some):
                m.d.target += [
                    fetched.eq(fetched + 1),
                    fetched_gray.eq(gray((fetched + 1)[: bits + 1])),
                    before_gray.eq(fetched_gray),
                ]
        # What is on offer has been fetched, but not taken.
        m.d.target += taken_gray.eq(Mux(self.o.valid, before_gray, fetched_gray))

        return m

    def seen(self, m: Module, count: Signal, name: str, *, by: str) -> Signal:
        """Return a count in Gray's code as a domain sees it."""
        seen = Signal.like(count, name=f"{name}_seen")
        m.submodules[f"{name}_synchroniser"] = FFSynchronizer(count, seen, o_domain=by)
        return seen


class Snapshot(wiring.Component):
    """Bring a value from domain ``source`` to domain ``target``, again and again.

    What arrives is the value of one clock of ``source``, all its bits together; the next one
    follows after three to four clocks of each domain.

    Parameters
    ----------
    shape : ShapeLike
        Shape of the value.

    Members
    -------
    i : In
        The value, in domain ``source``.
    o : Out
        The value as it was, in domain ``target``.
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()

        held = Signal(len(Value.cast(self.i)), reset_less=True)
        sent, seen, known, heard = Signal(), Signal(), Signal(), Signal()
        m.submodules.sent_synchroniser = FFSynchronizer(sent, seen, o_domain="target")
        m.submodules.known_synchroniser = FFSynchronizer(known, heard, o_domain="source")
        # What is held does not change while the other side may look at it.
        with m.If(sent == heard):
            m.d.source += [held.eq(self.i), sent.eq(~sent)]
        with m.If(seen != known):
            m.d.target += [Value.cast(self.o).eq(held), known.eq(seen)]

        return m
