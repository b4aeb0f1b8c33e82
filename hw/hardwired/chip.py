"""The hardwired chip: lattice, rule, encoder and read-out of one skeleton put together."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from golden.errors import InputError
from golden.fixed import PIXEL, STATE
from golden.skeleton import Layer, Skeleton
from golden.spec import Spec
from hw.hardwired.image_buffer import ImageBuffer
from hw.hardwired.lattice import Lattice
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.passes import Passes
from hw.hardwired.rule import ConstantRule
from hw.hardwired.shapes import COMMAND, split, state
from hw.port.ring import Ring
from hw.primitives import connect_each, delay
from hw.raster import Raster
from hw.shapes import Geometry, code

__all__ = ["HardwiredChip", "geometry_of"]

IMAGES = 2
"""Restored images that wait to be fetched, at most."""


def geometry_of(spec: Spec) -> Geometry:
    """Return the lattice of a hardwired chip; raise where it takes no such spec.

    Nothing is folded: the filters per clock that a `Geometry` has say nothing here.
    """
    if spec.boundary != "zero":
        raise InputError(f"The hardwired chip takes spec.boundary 'zero', not {spec.boundary!r}")
    return Geometry(spec=spec.ungated, filters=1, contexts=1, skeletons=1)


def as_matrix(layer: Layer, inputs: int) -> Layer:
    """Return a layer of vectors as one that has a row of weights for each output."""
    return Layer(layer.weight.reshape(-1, inputs), layer.bias.reshape(-1), layer.shift.reshape(-1))


class HardwiredChip(wiring.Component):
    """Run one skeleton, whose numbers are constants, without its gate: a cell in each clock.

    A command starts a run of some steps, from the next image or from the lattice as it is. After
    the last step the image that the lattice shows is given. Bit-exact with ``golden.naive``.

    A step takes `pass_clocks` clocks: one a cell, more where the pipeline is longer than the
    lattice. Runs follow each other without a gap as long as images and commands come and restored
    images are fetched. A reset must last for `hw.ports.FLUSH` clocks.

    Takes a memory of the lattice, three within the rule, one of two images and one of restored
    pixels.

    Parameters
    ----------
    skeleton : Skeleton
        What is built in.

    Members
    -------
    i_command : In(stream)
        Runs, in order: ``steps``, of which 0 counts as 65,536, and ``resume``, to go on with the
        lattice as it is.
    i_pixel : In(stream)
        Pixels of images, in raster order.
    o_pixel : Out(stream)
        Pixels of restored images.
    i_cell : In(stream)
        Cells of a lattice, in raster order; taken between runs. No run starts while a lattice is
        not whole: offer the command after the last cell.
    o_cell, o_cell_valid : Out
        Each cell as a step writes it, and whether there is one. Does not accept backpressure.
    running : Out(1)
        Whether a run is under way.
    """

    def __init__(self, skeleton: Skeleton):
        self.skeleton = skeleton
        self.geometry = geometry_of(skeleton.spec)
        encode, readout = skeleton.encode, skeleton.readout
        self.encode = ConstantLayer(as_matrix(encode, 1), inputs=PIXEL, to=STATE)
        self.rule = ConstantRule(self.geometry, skeleton)
        channels = skeleton.spec.channels
        self.readout = ConstantLayer(as_matrix(readout, channels), inputs=STATE, to=PIXEL)

        super().__init__({
            "i_command": In(stream.Signature(COMMAND)),
            "i_pixel": In(stream.Signature(code(PIXEL))),
            "o_pixel": Out(stream.Signature(code(PIXEL))),
            "i_cell": In(stream.Signature(state(self.geometry))),
            "o_cell": Out(state(self.geometry)),
            "o_cell_valid": Out(1),
            "running": Out(1),
        })

    @property
    def entry_latency(self) -> int:
        """Clocks from a place in the raster to its cell: pixel, register, encoder, register."""
        return ImageBuffer.LATENCY + 1 + self.encode.latency + 1

    @property
    def latency(self) -> int:
        """Clocks from a place in the raster to its cell one step on."""
        return self.entry_latency + self.rule.latency

    @property
    def pass_clocks(self) -> int:
        """Clocks of a step."""
        return max(self.geometry.spec.cells, self.latency + 2)

    def elaborate(self, platform):
        m = Module()

        spec = self.geometry.spec
        m.submodules.passes = passes = Passes(
            cells=spec.cells, clocks=self.pass_clocks, drain=self.latency + 2
        )
        m.submodules.rule = rule = self.rule
        m.submodules.lattice = lattice = Lattice(self.geometry)
        connect(m, flipped(self.i_command), passes.i_command)
        connect(m, flipped(self.i_cell), lattice.i_cell)
        m.d.comb += [
            passes.whole.eq(lattice.whole),
            lattice.open.eq(~passes.running & ~passes.begins),
            self.running.eq(passes.running),
            Value.cast(rule.i).eq(self.read(m, passes, lattice)),
            rule.i_valid.eq(delay(m, passes.reads, self.entry_latency, name="cell_valid")),
            lattice.i.eq(rule.o),
            lattice.i_valid.eq(rule.o_valid),
            self.o_cell.eq(rule.o),
            self.o_cell_valid.eq(rule.o_valid),
        ]
        self.show(m, passes, lattice)

        return m

    def read(self, m: Module, passes: Passes, lattice: Lattice) -> Value:
        """Return the cell that was read, from the image or from the lattice."""
        m.submodules.images = images = ImageBuffer(self.geometry.spec.image**2)
        m.submodules.encode = encode = self.encode
        m.submodules.raster = raster = Raster(self.geometry)
        connect(m, flipped(self.i_pixel), images.i)
        inside = self.is_inside(raster.position)
        m.d.comb += [
            passes.image.eq(images.full),
            images.take.eq(passes.takes),
            raster.advance.eq(passes.reads),
            images.advance.eq(passes.reads & passes.first & inside),
        ]
        # The margin is encoded from pixel 0.
        inside = delay(m, inside, ImageBuffer.LATENCY, name="inside")
        m.d.comb += encode.i[0].eq(delay(m, Mux(inside, images.o, 0), 1, name="pixel"))
        # Both ways take as long: the address waits, which has fewer bits than a cell.
        wait = self.entry_latency - 1 - Lattice.LATENCY
        m.d.comb += lattice.address.eq(delay(m, raster.position.cell, wait, name="address"))
        first = delay(m, passes.first, self.entry_latency - 1, name="first")
        cell = Mux(first, Cat(*encode.o), Value.cast(lattice.o))
        return delay(m, cell, 1, name="cell")

    def show(self, m: Module, passes: Passes, lattice: Lattice) -> None:
        """Give the image of each run's last step."""
        pixels = self.geometry.spec.image**2
        m.submodules.readout = readout = self.readout
        m.submodules.restored = ring = Ring(PIXEL.width, 1 << ceil_log2(IMAGES * pixels))
        connect(m, ring.o, flipped(self.o_pixel))
        m.d.comb += connect_each(split(Value.cast(self.rule.o)), readout.i)
        last = delay(m, passes.last, self.latency, name="last")
        shown = self.rule.o_valid & last & self.is_inside(lattice.written)
        m.d.comb += [
            ring.data.eq(readout.o[0]),
            ring.enable.eq(delay(m, shown, readout.latency, name="shown")),
        ]

        fetched = Signal(range(pixels))
        promised = Signal(range(IMAGES + 1))  # images on their way or not fetched to their end
        moves = ring.o.valid & self.o_pixel.ready
        with m.If(moves):
            m.d.sync += fetched.eq(Mux(fetched == pixels - 1, 0, fetched + 1))
        m.d.sync += promised.eq(promised + passes.begins - (moves & (fetched == pixels - 1)))
        m.d.comb += passes.room.eq(promised != IMAGES)

    def is_inside(self, at: data.View) -> Value:
        """Return whether a cell shows a pixel of the image."""
        rows, columns = self.geometry.spec.window
        is_row = (at.y >= rows.start) & (at.y < rows.stop)
        return is_row & (at.x >= columns.start) & (at.x < columns.stop)
