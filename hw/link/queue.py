"""What passes from one clock to another: payloads through a queue, or the newest value there is.

Both components join a domain ``source`` to a domain ``target``, and are reset on both sides at
once, for some clocks of each: then no count is seen while it jumps.
"""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["Queue", "Snapshot"]


class Counter:
    """A count in one domain that another domain may look at, since it changes a bit at a time."""

    def __init__(self, m, name, bits, *, domain, seen_by):
        self.count = Signal(bits, name=name)
        self.domain = domain
        self.gray = Signal(bits, name=f"{name}_gray")
        self.seen = Signal(bits, name=f"{name}_seen")
        synchroniser = FFSynchronizer(self.gray, self.seen, o_domain=seen_by)
        m.submodules[f"{name}_synchroniser"] = synchroniser

    def step(self, m):
        """Count one more."""
        after = Signal.like(self.count, name=f"{self.count.name}_after")
        m.d.comb += after.eq(self.count + 1)
        m.d[self.domain] += [self.count.eq(after), self.gray.eq(after ^ after >> 1)]


def decoded(gray):
    """Return the count that Gray's code stands for."""
    return Cat(gray[index:].xor() for index in range(len(gray)))


class Queue(wiring.Component):
    """Queue payloads from domain ``source`` to domain ``target``.

    A payload leaves some three clocks of ``target`` after it came; initiation interval one where
    the depth covers the way there and back. Everything at both ends comes from registers. Takes
    ``depth`` rows of distributed memory.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a payload.
    depth : int
        Rows, a power of two: there is room for one payload less.

    Members
    -------
    i : In(stream)
        Payloads, in domain ``source``.
    empty : Out(1)
        Whether all of them have been taken, in domain ``source``.
    o : Out(stream)
        The same payloads, in order, in domain ``target``.
    """

    def __init__(self, shape, depth):
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
        given = Counter(m, "given", bits + 1, domain="source", seen_by="target")
        taken = Counter(m, "taken", bits + 1, domain="target", seen_by="source")

        # Both answers come from registers, so they know of what was taken a little late, and ready
        # holds back one place for what is written meanwhile.
        known = Signal(bits + 1)
        level = Signal(bits + 1)
        m.d.comb += [
            level.eq(given.count - known),
            write.addr.eq(given.count),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        m.d.source += [
            known.eq(decoded(taken.seen)),
            self.i.ready.eq(level < self.depth - 1),
            self.empty.eq((level == 0) & ~write.en),
        ]
        with m.If(write.en):
            given.step(m)

        fetched, fetched_gray = Signal(bits + 1), Signal(bits + 1)
        m.d.comb += [fetched_gray.eq(fetched ^ fetched >> 1), read.addr.eq(fetched)]
        with m.If(~self.o.valid | self.o.ready):
            some = fetched_gray != given.seen
            m.d.target += [
                self.o.valid.eq(some),
                Value.cast(self.o.payload).eq(read.data),
                fetched.eq(fetched + some),
            ]
        with m.If(self.o.valid & self.o.ready):
            taken.step(m)

        return m


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

    def __init__(self, shape):
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
