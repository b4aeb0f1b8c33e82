"""A queue in block memory, large enough for whole planes, with a registered output."""

from amaranth import *
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import BlockMemory

__all__ = ["Ring"]


class Ring(wiring.Component):
    """Queue payloads in a block memory.

    Latency is at least five clocks; then a payload leaves every two clocks. Does not accept
    backpressure on its input: the writer must know that there is room.

    `amaranth.lib.fifo.SyncFIFOBuffered` leaves the memory to synthesis; this one uses the
    platform's block memory, see `hw.primitives`.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a payload.
    depth : int
        Largest number of payloads, a power of two.

    Members
    -------
    data, enable : In
        Payload, and whether there is one.
    o : Out(stream)
        The same payloads, in order.
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.depth = depth

        super().__init__({"data": In(shape), "enable": In(1), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()

        m.submodules.memory = memory = BlockMemory(len(Value.cast(self.data)), self.depth)
        written, read = Signal(range(2 * self.depth)), Signal(range(2 * self.depth))
        some = Signal()  # one clock old, so each fetch is followed by a pause of one clock
        advance, fetch, rest = Signal(), Signal(), Signal()
        enable, fetched = Signal(), Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            fetch.eq(advance & some & ~rest),
            memory.write_enable.eq(enable),
            memory.read_enable.eq(advance),
            memory.write_address.eq(written),
            memory.read_address.eq(read),
            Value.cast(self.o.payload).eq(memory.read_data),
        ]
        m.d.sync += [
            enable.eq(self.enable),
            memory.write_data.eq(self.data),
            some.eq(written != read),
            rest.eq(fetch),
        ]
        with m.If(enable):
            m.d.sync += written.eq(written + 1)
        with m.If(fetch):
            m.d.sync += read.eq(read + 1)
        with m.If(advance):
            m.d.sync += [fetched.eq(fetch), self.o.valid.eq(fetched)]

        return m
