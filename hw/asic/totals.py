"""Totals on silicon: the update's products, summed a channel each, which leave one by one."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, WEIGHT
from hw.asic.multiply_add import MultiplyAdd
from hw.shapes import Geometry, code

__all__ = ["Totals"]


class Totals(wiring.Component):
    """Multiply hidden codes towards every channel and sum the products of a cell.

    When a cell has ended, its totals are kept while the next is summed, and leave one by one.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    shape : Shape
        Shape of a total.

    Members
    -------
    hidden, weights : In
        A hidden code, and its weight towards each channel.
    first : In(1)
        Whether it is the first of its cell.
    ended : In(1)
        Whether the one before was the last of its cell.
    total, o_word, o_valid : Out
        A cell's total, its channel, and whether there is one.
    granted : In(1)
        Whether it leaves.
    """

    def __init__(self, geometry: Geometry, shape: Shape):
        self.geometry = geometry
        self.shape = shape
        channels = geometry.spec.channels

        super().__init__({
            "hidden": In(code(HIDDEN)),
            "weights": In(WEIGHT.width * channels),
            "first": In(1),
            "ended": In(1),
            "total": Out(shape),
            "o_word": Out(range(channels)),
            "o_valid": Out(1),
            "granted": In(1),
        })

    def elaborate(self, platform):
        m = Module()

        kept = []
        for channel in range(self.geometry.spec.channels):
            m.submodules[f"sum{channel}"] = products = MultiplyAdd(self.shape)
            held = Signal(self.shape, name=f"kept{channel}", reset_less=True)
            m.d.comb += [
                products.hidden.eq(self.hidden),
                products.weight.eq(self.weights.word_select(channel, WEIGHT.width)),
                products.first.eq(self.first),
            ]
            with m.If(self.ended):
                m.d.sync += held.eq(products.total)
            kept.append(held)

        m.d.comb += self.total.eq(Array(kept)[self.o_word])
        with m.If(self.granted):
            m.d.sync += self.o_word.eq(self.o_word + 1)
            with m.If(self.o_word == self.geometry.spec.channels - 1):
                m.d.sync += self.o_valid.eq(0)
        with m.If(self.ended):
            m.d.sync += [self.o_word.eq(0), self.o_valid.eq(1)]

        return m
