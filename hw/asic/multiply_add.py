"""A multiplier that adds to a register: one channel of the update on silicon."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, WEIGHT
from hw.asic.carry_save import CarrySave
from hw.shapes import code

__all__ = ["MultiplyAdd"]


class MultiplyAdd(wiring.Component):
    """Sum products of hidden codes and weights.

    Latency is one clock, initiation interval one. Does not accept backpressure.

    Parameters
    ----------
    shape : Shape
        Shape of the sum.

    Members
    -------
    hidden, weight : In
        Factors of a product.
    first : In(1)
        Whether the sum begins with it.
    total : Out
        The sum.
    """

    def __init__(self, shape: Shape):
        super().__init__({
            "hidden": In(code(HIDDEN)),
            "weight": In(code(WEIGHT)),
            "first": In(1),
            "total": Out(shape),
        })

    def elaborate(self, platform):
        m = Module()

        total = Signal.like(self.total, reset_less=True)
        sums = CarrySave(m, len(total), name="products")
        sums.multiply_add(self.hidden, self.weight)
        sums.add(Mux(self.first, 0, total))
        m.d.sync += total.eq(sum(sums.rows()))
        m.d.comb += self.total.eq(total)

        return m
