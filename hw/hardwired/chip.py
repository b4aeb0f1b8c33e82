"""The hardwired chip: lattice, rule, encoder and read-out of one skeleton put together."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from golden.fixed import PIXEL, STATE
from hw.hardwired.image_buffer import ImageBuffer
from hw.hardwired.lattice import Lattice
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.passes import Passes
from hw.hardwired.plan import Plan
from hw.hardwired.rule import ConstantRule
from hw.hardwired.shapes import RUN, split, state
from hw.port.ring import Ring
from hw.primitives import connect_each, delay
from hw.raster import Raster
from hw.shapes import code

__all__ = ["HardwiredChip"]

IMAGES = 2
"""Restored images that wait to be fetched, at most."""


class HardwiredChip(wiring.Component):
    """Run one skeleton, whose numbers are constants, without its gate: a cell in each clock.

    A run has some steps, and begins with the next image or with the lattice as it is. After the
    last step the image that the lattice shows is given. Bit-exact with ``golden.naive``.

    A step takes ``plan.pass_clocks`` clocks: one a cell, more where the pipeline is longer than the
    lattice. Runs follow each other without a gap as long as images and runs come and restored
    images are fetched. A reset must last for `hw.ports.FLUSH` clocks.

    Takes a memory of the lattice, three within the rule, one of two images and one of restored
    pixels.

    Parameters
    ----------
    plan : Plan
        The skeleton that is built in, its adders and its clocks.

    Members
    -------
    i_run : In(stream)
        Runs, in order: ``steps``, of which 0 counts as 65,536, and ``resume``, to go on with the
        lattice as it is.
    i_pixel : In(stream)
        Pixels of images, in raster order.
    o_pixel : Out(stream)
        Pixels of restored images.
    i_cell : In(stream)
        Cells of a lattice, in raster order; taken between runs. No run starts while a lattice is
        not whole: offer it after the last cell.
    o_cell, o_cell_valid : Out
        Each cell as a step writes it, and whether there is one. Does not accept backpressure.
    running : Out(1)
        Whether a run is under way.
    """

    def __init__(self, plan: Plan):
        self.plan = plan

        cell = state(plan.geometry)
        super().__init__({
            "i_run": In(stream.Signature(RUN)),
            "i_pixel": In(stream.Signature(code(PIXEL))),
            "o_pixel": Out(stream.Signature(code(PIXEL))),
            "i_cell": In(stream.Signature(cell)),
            "o_cell": Out(cell),
            "o_cell_valid": Out(1),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        plan, cells = self.plan, self.plan.geometry.spec.cells
        m.submodules.passes = passes = Passes(
            cells=cells, clocks=plan.pass_clocks, drain=plan.latency + 2
        )
        m.submodules.rule = rule = ConstantRule(plan)
        m.submodules.lattice = lattice = Lattice(plan.geometry)
        connect(m, flipped(self.i_run), passes.i_run)
        connect(m, flipped(self.i_cell), lattice.i_cell)
        m.d.comb += [
            passes.whole.eq(lattice.whole),
            lattice.open.eq(~passes.running & ~passes.begins),
            self.running.eq(passes.running),
            Value.cast(rule.i).eq(self.read(m, passes, lattice)),
            rule.i_valid.eq(delay(m, passes.reads, plan.entry_clocks, name="cell_valid")),
            lattice.i.eq(rule.o),
            lattice.i_valid.eq(rule.o_valid),
            self.o_cell.eq(rule.o),
            self.o_cell_valid.eq(rule.o_valid),
        ]
        self.show(m, passes, rule, lattice)

        return m

    def read(self, m: Module, passes: Passes, lattice: Lattice) -> Value:
        """Return the cell that was read, from the image or from the lattice."""
        plan = self.plan
        m.submodules.images = images = ImageBuffer(plan.geometry.spec.image**2)
        m.submodules.encode = encode = ConstantLayer(plan.encode, to=STATE)
        m.submodules.raster = raster = Raster(plan.geometry)
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
        wait = plan.entry_clocks - 1 - Lattice.LATENCY
        m.d.comb += lattice.address.eq(delay(m, raster.position.cell, wait, name="address"))
        first = delay(m, passes.first, plan.entry_clocks - 1, name="first")
        cell = Mux(first, Cat(*encode.o), Value.cast(lattice.o))
        return delay(m, cell, 1, name="cell")

    def show(self, m: Module, passes: Passes, rule: ConstantRule, lattice: Lattice) -> None:
        """Give the image of each run's last step."""
        plan, pixels = self.plan, self.plan.geometry.spec.image**2
        m.submodules.readout = readout = ConstantLayer(plan.readout, to=PIXEL)
        m.submodules.restored = ring = Ring(PIXEL.width, 1 << ceil_log2(IMAGES * pixels))
        connect(m, ring.o, flipped(self.o_pixel))
        m.d.comb += connect_each(split(Value.cast(rule.o)), readout.i)
        last = delay(m, passes.last, plan.latency, name="last")
        shown = rule.o_valid & last & self.is_inside(lattice.place)
        m.d.comb += [
            ring.data.eq(readout.o[0]),
            ring.enable.eq(delay(m, shown, plan.readout_clocks, name="shown")),
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
        rows, columns = self.plan.geometry.spec.window
        is_row = (at.y >= rows.start) & (at.y < rows.stop)
        return is_row & (at.x >= columns.start) & (at.x < columns.stop)
