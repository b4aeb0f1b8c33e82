"""A layer of constants: a product, its biases, and a shift to codes."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import Format
from hw.hardwired.constants import Constants
from hw.hardwired.product import Product
from hw.primitives import connect_each, saturate
from hw.shapes import code, interval

__all__ = ["ConstantLayer"]


class ConstantLayer(wiring.Component):
    """Compute a layer whose weights, biases and shifts are constants.

    Bit-exact with ``to.clamp(golden.fixed.round_shift(bias + weight @ codes, shift))``. With an
    unsigned format the saturation is also the ReLU: negative values round to 0 or below.

    Latency is ``constants.graph.depth + ROUNDING`` clocks, initiation interval one. Does not accept
    backpressure.

    Parameters
    ----------
    constants : Constants
        Weights, biases and shifts.
    to : Format
        Format of the codes that leave.

    Members
    -------
    i : In
        A code for each input.
    o : Out
        A code for each output.
    """

    ROUNDING = 2
    """Clocks from a sum to its code."""

    def __init__(self, constants: Constants, *, to: Format):
        self.constants = constants
        self.to = to

        graph = constants.graph
        super().__init__({
            "i": In(code(graph.inputs)).array(graph.count),
            "o": Out(code(to)).array(len(constants.outputs)),
        })

    def elaborate(self, platform):
        m = Module()

        constants = self.constants
        m.submodules.product = product = Product(constants.graph)
        m.d.comb += connect_each(self.i, product.codes)
        for index in constants.outputs:
            shift = constants.shifts[index]
            # Stage 1: half a step with the bias, so that cutting bits off rounds half up.
            half = 1 << shift >> 1
            low, high = (bound + half for bound in constants.bounds(index))
            acc = Signal(interval(low, high), name=f"acc{index}", reset_less=True)
            m.d.sync += acc.eq(product.sums[index] + constants.biases[index] + half)
            # Stage 2: saturate.
            rounded = Signal(interval(low >> shift, high >> shift))
            m.d.comb += rounded.eq(acc.shift_right(shift))
            m.d.comb += self.o[index].eq(saturate(m, rounded, self.to, name=f"code{index}"))

        return m
