"""The rule: from a raster of cells to the same raster one step on, a cell a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN
from hw.array.delay_line import DelayLine
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.plan import Plan
from hw.hardwired.shapes import split, state
from hw.hardwired.update import ConstantUpdate
from hw.hardwired.window import CellWindow
from hw.primitives import connect_each, delay
from hw.raster import Raster
from hw.shapes import TAPS

__all__ = ["ConstantRule"]


class ConstantRule(wiring.Component):
    """Compute one step of a skeleton on a raster of cells, all its products in every clock.

    Bit-exact with ``golden.naive.step``. A pass streams without a gap; passes may follow each other
    at once. Latency is ``plan.rule_clocks``, initiation interval one cell. Does not accept
    backpressure. Takes three memories: two of a row, one of the cells in the pipeline.

    Parameters
    ----------
    plan : Plan
        Adders and clocks of the chip.

    Members
    -------
    i, i_valid : In
        A cell, and whether there is one.
    o, o_valid : Out
        The cell one step on.
    """

    def __init__(self, plan: Plan):
        self.plan = plan

        super().__init__({
            "i": In(state(plan.geometry)),
            "i_valid": In(1),
            "o": Out(state(plan.geometry)),
            "o_valid": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        plan, geometry = self.plan, self.plan.geometry
        m.submodules.window = window = CellWindow(geometry)
        m.submodules.update = update = ConstantUpdate(plan.update)
        m.submodules.raster = raster = Raster(geometry)  # the cell that gets its taps next
        early = CellWindow.clocks(geometry) - CellWindow.EDGES
        centre = delay(m, self.i_valid, early, name="centre")
        spec, at = geometry.spec, raster.position
        m.d.comb += [
            window.cell.eq(self.i),
            raster.advance.eq(centre),
            window.edges.top.eq(at.y == 0),
            window.edges.bottom.eq(at.y == spec.height - 1),
            window.edges.left.eq(at.x == 0),
            window.edges.right.eq(at.x == spec.width - 1),
        ]

        for channel in range(spec.channels):
            self.perceive(m, channel, window, update)

        wait = plan.perceive_clocks + plan.update_clocks - update.STATE_LATENCY
        m.submodules.states = states = DelayLine(len(Value.cast(self.i)), wait - 1)
        m.d.comb += [
            states.i.eq(Value.cast(window.centre)),
            states.advance.eq(1),
            *connect_each(split(states.o), update.state),
            *connect_each(update.o, self.o),
            self.o_valid.eq(delay(m, centre, plan.rule_clocks - early, name="o_valid")),
        ]

        return m

    def perceive(self, m: Module, channel: int, window: CellWindow, update: ConstantUpdate) -> None:
        """Make the hidden codes of a channel, all channels' at the same time."""
        constants, multiplier = self.plan.perceive[channel], self.plan.geometry.spec.multiplier
        layer = ConstantLayer(constants, to=HIDDEN)
        m.submodules[f"perceive{channel}"] = layer
        m.d.comb += connect_each(window.taps[channel * TAPS : (channel + 1) * TAPS], layer.i)
        wait = self.plan.wait(channel)
        for index, code in enumerate(layer.o):
            hidden = delay(m, code, wait, name=f"hidden{channel}_{index}")
            m.d.comb += update.hidden[channel * multiplier + index].eq(hidden)
