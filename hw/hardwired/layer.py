"""A layer of constants: a product, its biases, and a shift to codes."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import Format
from golden.skeleton import Layer
from hw.hardwired.graph import search
from hw.hardwired.product import Product
from hw.primitives import saturate
from hw.shapes import code, interval

__all__ = ["ConstantLayer"]


class ConstantLayer(wiring.Component):
    """Compute a layer whose weights, biases and shifts are constants.

    Bit-exact with ``to.clamp(golden.fixed.round_shift(bias + weight @ codes, shift))``. With an
    unsigned format the saturation is also the ReLU: negative values round to 0 or below.

    Latency is `latency` clocks, initiation interval one. Does not accept backpressure.

    Parameters
    ----------
    layer : Layer
        Weights of shape (outputs, inputs), a bias and a shift for each output.
    inputs, to : Format
        Formats of the codes that come and of those that leave.

    Members
    -------
    i : In
        A code for each input.
    o : Out
        A code for each output.
    """

    ROUNDING = 2
    """Clocks from a sum to its code."""

    def __init__(self, layer: Layer, *, inputs: Format, to: Format):
        self.layer = layer
        self.to = to
        self.graph = search(layer.weight, inputs)

        super().__init__({
            "i": In(code(inputs)).array(self.graph.count),
            "o": Out(code(to)).array(len(self.graph.outputs)),
        })

    @property
    def latency(self) -> int:
        """Clocks from codes to codes."""
        return self.graph.depth + self.ROUNDING

    def elaborate(self, platform):
        m = Module()

        m.submodules.product = product = Product(self.graph)
        for source, target in zip(self.i, product.codes, strict=True):
            m.d.comb += target.eq(source)
        numbers = zip(self.layer.bias.tolist(), self.layer.shift.tolist(), strict=True)
        for index, (bias, shift) in enumerate(numbers):
            # Stage 1: half a step with the bias, so that cutting bits off rounds half up.
            offset = bias + (1 << shift >> 1)
            low, high = self.graph.output_bounds(index)
            acc = Signal(interval(low + offset, high + offset), name=f"acc{index}", reset_less=True)
            m.d.sync += acc.eq(product.sums[index] + offset)
            # Stage 2: saturate.
            rounded = Signal(interval((low + offset) >> shift, (high + offset) >> shift))
            m.d.comb += rounded.eq(acc.shift_right(shift))
            m.d.comb += self.o[index].eq(saturate(m, rounded, self.to, name=f"code{index}"))

        return m
