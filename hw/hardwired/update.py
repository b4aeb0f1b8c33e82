"""The update of constants: hidden codes mixed to changes, which are added to the state."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, STATE
from hw.hardwired.constants import Constants
from hw.hardwired.product import Product
from hw.primitives import connect_each, saturate
from hw.shapes import code, interval

__all__ = ["ConstantUpdate"]


class ConstantUpdate(wiring.Component):
    """Mix the hidden codes of a cell, cut the sums towards zero, and add them to its state.

    Bit-exact with ``STATE.clamp(state + golden.fixed.trunc_shift(bias + weight @ hidden, shift))``.

    Latency is ``constants.graph.depth + CHANGE`` clocks from the hidden codes, `STATE_LATENCY` from
    the state; initiation interval one. Does not accept backpressure.

    Parameters
    ----------
    constants : Constants
        Weights, biases and shifts.

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

    CHANGE = 2 + STATE_LATENCY
    """Clocks from a sum to the state after the step."""

    def __init__(self, constants: Constants):
        self.constants = constants

        channels = len(constants.outputs)
        super().__init__({
            "hidden": In(code(HIDDEN)).array(constants.graph.count),
            "state": In(code(STATE)).array(channels),
            "o": Out(code(STATE)).array(channels),
        })

    def elaborate(self, platform):
        m = Module()

        constants = self.constants
        m.submodules.product = product = Product(constants.graph)
        m.d.comb += connect_each(self.hidden, product.codes)
        for index in constants.outputs:
            bias, shift = constants.biases[index], constants.shifts[index]
            # Stage 1: the whole accumulator.
            low, high = constants.bounds(index)
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
