"""The lattice port's unloader: codes or pixels leave the lattice through a buffer."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.fixed import PIXEL
from hw.port.walk import arrival_layout, walks_layout
from hw.primitives import delay, spare
from hw.shapes import code

__all__ = ["BUFFER", "Unloader"]

BUFFER = 32
"""Bytes that wait for the host: more than twice what the pipeline holds.

Where ways are short it is shorter, and half of them are enough.
"""


class Unloader(wiring.Component):
    """Buffer raw codes or the pixels that they show, and tell whether there is room for more.

    Parameters
    ----------
    drain : int
        Clocks from the last step until the pipeline is empty.

    Members
    -------
    walks : In(walks_layout())
        The operation under way.
    i : In(arrival_layout())
        What a step has read.
    pixel, pixel_valid : In
        A pixel of the read-out, and whether there is one.
    through : In(1)
        Whether the walk is over.
    o_data : Out(stream.Signature(8))
        The bytes.
    room : Out(1)
        Whether the buffer takes all that the pipeline holds, and a step more.
    done : Out(1)
        Whether all bytes of a reading operation are buffered.
    """

    def __init__(self, *, drain: int):
        self.drain = drain

        super().__init__({
            "walks": In(walks_layout()),
            "i": In(arrival_layout()),
            "pixel": In(code(PIXEL)),
            "pixel_valid": In(1),
            "through": In(1),
            "o_data": Out(stream.Signature(8)),
            "room": Out(1),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        walks = self.walks
        size = BUFFER - spare(platform, BUFFER // 2)
        m.submodules.buffer = buffer = SyncFIFOBuffered(width=8, depth=size)
        m.d.sync += [
            buffer.w_data.eq(Mux(walks.read_image, self.pixel, self.i.code.as_unsigned())),
            buffer.w_en.eq(self.pixel_valid | (self.i.valid & walks.read_state)),
            self.room.eq(buffer.level < size // 2),
        ]
        connect(m, buffer.r_stream, flipped(self.o_data))

        drained = delay(m, self.through, self.drain, name="drained")
        reads = walks.read_image | walks.read_state
        m.d.comb += self.done.eq(reads & self.through & drained)

        return m
