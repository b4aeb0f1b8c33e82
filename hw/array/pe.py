"""The processing element that every product of the array is made in."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import Multiplier, delay

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiply a sample by a weight and add the product to the partial sum handed in.

    Latency is five clocks from sample and weight (three in the multiplier, one on the way from it),
    one from the partial sum; initiation interval one. Does not accept backpressure. Takes one
    multiplier block.

    Parameters
    ----------
    sample, weight : Shape
        Shapes of the operands.
    i_sum, o_sum : Shape
        Shapes of the partial sum before and after this element.

    Members
    -------
    sample, weight : In
        Operands.
    i_sum : In
        Partial sum, four clocks behind the operands it goes with.
    o_sum : Out
        Partial sum with the product added.
    """

    LATENCY = Multiplier.LATENCY + 2

    def __init__(self, *, sample, weight, i_sum, o_sum):
        self.shapes = {"a": sample, "b": weight}

        super().__init__({
            "sample": In(sample),
            "weight": In(weight),
            "i_sum": In(i_sum),
            "o_sum": Out(o_sum),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.multiplier = multiplier = Multiplier(**self.shapes)
        total = Signal.like(self.o_sum, reset_less=True)
        m.d.comb += [
            multiplier.a.eq(self.sample),
            multiplier.b.eq(self.weight),
            self.o_sum.eq(total),
        ]
        # The multiplier is far away: its product gets a clock for the way alone.
        product = delay(m, multiplier.product, 1, name="product")
        m.d.sync += total.eq(self.i_sum + product)

        return m
