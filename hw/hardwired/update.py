"""The update of constants: hidden codes mixed to changes, which are added to the state."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, STATE
from golden.skeleton import Layer
from hw.hardwired.graph import search
from hw.hardwired.product import Product
from hw.primitives import saturate
from hw.shapes import code, interval

__all__ = ["ConstantUpdate"]


class ConstantUpdate(wiring.Component):
    """Mix the hidden codes of a cell, cut the sums towards zero, and add them to its state.

    Bit-exact with ``STATE.clamp(state + golden.fixed.trunc_shift(bias + weight @ hidden, shift))``.

    Latency is `latency` clocks from the hidden codes, `STATE_LATENCY` from the state; initiation
    interval one. Does not accept backpressure.

    Parameters
    ----------
    layer : Layer
        Weights of shape (channels, filters), a bias and a shift for each channel.

    Members
    -------
    hidden : In
        A code for each filter.
    state : In
        A code for each channel, when its sums are cut.
    o : Out
        The state after the step.
    """

    STATE_LATENCY = 2
    """Clocks from the state before the step to the one after it."""

    def __init__(self, layer: Layer):
        self.layer = layer
        self.graph = search(layer.weight, HIDDEN)

        channels, filters = layer.weight.shape
        super().__init__({
            "hidden": In(code(HIDDEN)).array(filters),
            "state": In(code(STATE)).array(channels),
            "o": Out(code(STATE)).array(channels),
        })

    @property
    def latency(self) -> int:
        """Clocks from hidden codes to the state after the step."""
        return self.graph.depth + 2 + self.STATE_LATENCY

    def elaborate(self, platform):
        m = Module()

        m.submodules.product = product = Product(self.graph)
        for source, target in zip(self.hidden, product.codes, strict=True):
            m.d.comb += target.eq(source)
        numbers = zip(self.layer.bias.tolist(), self.layer.shift.tolist(), strict=True)
        for index, (bias, shift) in enumerate(numbers):
            # Stage 1: the whole accumulator.
            low, high = (bound + bias for bound in self.graph.output_bounds(index))
            acc = Signal(interval(low, high), name=f"acc{index}", reset_less=True)
            m.d.sync += acc.eq(product.sums[index] + bias)
            # Stage 2: shift, which cuts downwards; a negative one that loses bits lacks one then.
            change = Signal(
                interval(low >> shift, high >> shift), name=f"change{index}", reset_less=True
            )
            lacks = Signal(name=f"lacks{index}", reset_less=True)
            negative = acc[-1] if low < 0 else Const(0)
            m.d.sync += [change.eq(acc.shift_right(shift)), lacks.eq(negative & acc[:shift].any())]
            # Stage 3: add to the state.
            total = Signal(
                interval(STATE.min + (low >> shift), STATE.max + 1 + (high >> shift)),
                name=f"total{index}",
                reset_less=True,
            )
            m.d.sync += total.eq(self.state[index] + change + lacks)
            # Stage 4: saturate.
            m.d.comb += self.o[index].eq(saturate(m, total, STATE, name=f"saturated{index}"))

        return m
