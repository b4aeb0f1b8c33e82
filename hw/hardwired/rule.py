"""The rule: from a raster of cells to the same raster one step on, a cell a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, STATE
from golden.skeleton import Layer, Skeleton
from hw.array.delay_line import DelayLine
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.shapes import split, state
from hw.hardwired.update import ConstantUpdate
from hw.hardwired.window import CellWindow
from hw.primitives import connect_each, delay
from hw.raster import Raster
from hw.shapes import TAPS, Geometry

__all__ = ["ConstantRule"]


class ConstantRule(wiring.Component):
    """Compute one step of a skeleton on a raster of cells, all its products in every clock.

    Bit-exact with ``golden.naive.step``. A pass streams without a gap; passes may follow each other
    at once. Latency is `latency` clocks, initiation interval one cell. Does not accept
    backpressure. Takes three memories: two of a row, one of the cells in the pipeline.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeleton : Skeleton
        The rule; its numbers become constants.

    Members
    -------
    i, i_valid : In
        A cell, and whether there is one.
    o, o_valid : Out
        The cell one step on.
    """

    def __init__(self, geometry: Geometry, skeleton: Skeleton):
        self.geometry = geometry
        self.window = CellWindow(geometry)
        self.perceive = [
            ConstantLayer(layer, inputs=STATE, to=HIDDEN) for layer in channel_layers(skeleton)
        ]
        self.update = ConstantUpdate(skeleton.update)

        super().__init__({
            "i": In(state(geometry)),
            "i_valid": In(1),
            "o": Out(state(geometry)),
            "o_valid": Out(1),
        })

    @property
    def perceive_latency(self) -> int:
        """Clocks from the taps to the hidden codes of every channel."""
        return max(layer.latency for layer in self.perceive)

    @property
    def latency(self) -> int:
        """Clocks from a cell to the cell one step on."""
        return self.window.latency + self.perceive_latency + self.update.latency

    def elaborate(self, platform):
        m = Module()

        m.submodules.window = window = self.window
        m.submodules.update = update = self.update
        m.submodules.raster = raster = Raster(self.geometry)  # the cell that gets its taps next
        centre = delay(m, self.i_valid, window.latency - 1, name="centre")
        spec, at = self.geometry.spec, raster.position
        m.d.comb += [
            window.cell.eq(self.i),
            raster.advance.eq(centre),
            window.edges.top.eq(at.y == 0),
            window.edges.bottom.eq(at.y == spec.height - 1),
            window.edges.left.eq(at.x == 0),
            window.edges.right.eq(at.x == spec.width - 1),
        ]

        multiplier = spec.multiplier
        for channel, layer in enumerate(self.perceive):
            m.submodules[f"perceive{channel}"] = layer
            m.d.comb += connect_each(window.taps[channel * TAPS : (channel + 1) * TAPS], layer.i)
            wait = self.perceive_latency - layer.latency
            hidden = update.hidden[channel * multiplier : (channel + 1) * multiplier]
            for index, (code, target) in enumerate(zip(layer.o, hidden, strict=True)):
                m.d.comb += target.eq(delay(m, code, wait, name=f"hidden{channel}_{index}"))

        wait = self.perceive_latency + update.latency - update.STATE_LATENCY
        m.submodules.states = states = DelayLine(len(Value.cast(self.i)), wait - 1)
        m.d.comb += [
            states.i.eq(Value.cast(window.centre)),
            states.advance.eq(1),
            *connect_each(split(states.o), update.state),
            *connect_each(update.o, self.o),
            self.o_valid.eq(delay(m, centre, self.latency - window.latency + 1, name="o_valid")),
        ]

        return m


def channel_layers(skeleton: Skeleton) -> list[Layer]:
    """Return the perception of each channel: its filters, with nine weights each."""
    spec, layer = skeleton.spec, skeleton.perceive
    weight = layer.weight.reshape(spec.channels, spec.multiplier, TAPS)
    shape = spec.channels, spec.multiplier
    parts = zip(weight, layer.bias.reshape(shape), layer.shift.reshape(shape), strict=True)
    return [Layer(*part) for part in parts]
