"""Clock crossings: a queue for payloads, and a snapshot for values that change.

Both components pass data from a domain ``source`` to a domain ``target``. A reset must reach both
sides at the same time, for some clocks of each, so that neither sees a count of the other jump.
"""

from amaranth import *
from amaranth.hdl import ShapeLike
from amaranth.lib import memory, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["Queue", "Snapshot"]


def decode_gray(gray: Value) -> Value:
    """Return the count of a Gray code."""
    return Cat(gray[index:].xor() for index in range(len(gray)))


def gray(count: Value) -> Value:
    """Return the Gray code of a count."""
    return count ^ (count >> 1)


class Queue(wiring.Component):
    """Queue payloads from domain ``source`` to domain ``target``.

    Latency is about four clocks of ``target``. Initiation interval is one clock of ``source``, as
    long as there is room, and two of ``target``. All outputs come from registers. Takes ``depth``
    rows of distributed memory.

    `amaranth.lib.fifo.AsyncFIFO` can be reset only from its writing side. Here the link must reset
    both sides of every queue, also of those that the chip writes.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a payload.
    depth : int
        Rows, a power of two; the queue holds at most two payloads less.

    Members
    -------
    i : In(stream)
        Payloads, in domain ``source``.
    empty : Out(1)
        Whether all payloads have been taken, in domain ``source``.
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

        # Counts cross in Gray code: from one to the next a single bit changes. Both answers come
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
        m.d.comb += read.addr.eq(fetched)
        # A clock old, in which nothing is fetched: the payload before is on offer.
        m.d.target += some.eq(fetched_gray != self.seen(m, written_gray, "written", by="target"))
        with m.If(self.o.valid):
            m.d.target += self.o.valid.eq(~self.o.ready)
        with m.Else():  # a short way to all of a payload: it does not hear ready
            m.d.target += [self.o.valid.eq(some), payload.eq(read.data)]
            with m.If(some):
                m.d.target += [
                    fetched.eq(fetched + 1),
                    fetched_gray.eq(gray((fetched + 1)[: bits + 1])),
                    before_gray.eq(fetched_gray),
                ]
        # The payload on offer has been read from memory, but not taken.
        m.d.target += taken_gray.eq(Mux(self.o.valid, before_gray, fetched_gray))

        return m

    def seen(self, m: Module, count: Signal, name: str, *, by: str) -> Signal:
        """Return a count in Gray code, synchronised to a domain."""
        seen = Signal.like(count, name=f"{name}_seen")
        m.submodules[f"{name}_synchroniser"] = FFSynchronizer(count, seen, o_domain=by)
        return seen


class Snapshot(wiring.Component):
    """Copy a value from domain ``source`` to domain ``target``, again and again.

    All bits of a copy are from the same clock of ``source``. The next copy follows after three to
    five clocks of each domain.

    Parameters
    ----------
    shape : ShapeLike
        Shape of the value.

    Members
    -------
    i : In
        The value, in domain ``source``.
    o : Out
        The copy, in domain ``target``.
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()

        held = Signal(len(Value.cast(self.i)), reset_less=True)
        sent, seen, known, heard = Signal(), Signal(), Signal(), Signal()
        m.submodules.sent_synchroniser = FFSynchronizer(sent, seen, o_domain="target")
        m.submodules.known_synchroniser = FFSynchronizer(known, heard, o_domain="source")
        # The held value does not change while the other side may read it.
        take = Signal()
        m.d.source += take.eq((sent == heard) & ~take)
        with m.If(take):
            m.d.source += [held.eq(self.i), sent.eq(~sent)]
        with m.If(seen != known):
            m.d.target += [Value.cast(self.o).eq(held), known.eq(seen)]

        return m
