"""The image buffer: whole images wait in it for the pass that reads them without a gap."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import PIXEL
from hw.primitives import BlockMemory
from hw.shapes import code

__all__ = ["ImageBuffer"]

IMAGES = 2


class ImageBuffer(wiring.Component):
    """Hold two images: one is read while the next one comes.

    Latency of a read is two clocks, initiation interval one. Takes a memory of two images.

    Parameters
    ----------
    pixels : int
        Pixels of an image.

    Members
    -------
    i : In(stream)
        Pixels of images, one image after the other.
    full : Out(1)
        Whether a whole image waits.
    take : In(1)
        Whether that image is to be read: it waits no longer.
    advance : In(1)
        Whether to go on to the next pixel of what was taken.
    o : Out
        The pixel that was at hand two clocks ago.
    """

    LATENCY = BlockMemory.LATENCY

    def __init__(self, pixels: int):
        self.pixels = pixels

        super().__init__({
            "i": In(stream.Signature(code(PIXEL))),
            "full": Out(1),
            "take": In(1),
            "advance": In(1),
            "o": Out(code(PIXEL)),
        })

    def elaborate(self, platform):
        m = Module()

        places = IMAGES * self.pixels
        m.submodules.memory = memory = BlockMemory(PIXEL.width, places)
        write, read = Signal(range(places)), Signal(range(places))
        held = Signal(range(IMAGES + 1))  # images that take room: not read to their end
        waiting = Signal(range(IMAGES + 1))  # whole ones that are not taken
        moves = Signal()
        m.d.comb += [
            self.i.ready.eq(held != IMAGES),
            moves.eq(self.i.valid & self.i.ready),
            self.full.eq(waiting != 0),
            memory.write_address.eq(write),
            memory.write_data.eq(self.i.payload),
            memory.write_enable.eq(moves),
            memory.read_address.eq(read),
            self.o.eq(memory.read_data),
        ]
        whole = self.move(m, write, moves)
        m.d.sync += [
            held.eq(held + whole - self.move(m, read, self.advance)),
            waiting.eq(waiting + whole - self.take),
        ]

        return m

    def move(self, m: Module, pointer: Signal, advance: Value) -> Value:
        """Move a pointer on where told; return whether it leaves an image."""
        ends = [pointer == image * self.pixels - 1 for image in range(1, IMAGES + 1)]
        with m.If(advance):
            m.d.sync += pointer.eq(Mux(ends[-1], 0, pointer + 1))
        return advance & Cat(ends).any()
