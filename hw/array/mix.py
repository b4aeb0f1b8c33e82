"""The update's point-wise products: a column of processing elements for each filter of a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN
from hw.array.pe import ProcessingElement
from hw.primitives import connect_each, copies
from hw.shapes import PAIR, code, mix_row, mix_sum

__all__ = ["GROUP", "Mix"]

GROUP = 4
"""Channels, or processing elements, that share a register of whatever all of them want."""


class Mix(wiring.Component):
    """Multiply a hidden code towards every channel and add to the sums of the column before.

    Each processing element serves two channels, which want the same hidden code.

    Latency is eight clocks from the hidden code, one from the sums handed in; initiation interval
    one. Does not accept backpressure. Takes a multiplier block for every two channels.

    Parameters
    ----------
    channels : int
        Channels that the update mixes into, an even number.
    before : int
        Columns before this one, whose products the sums handed in hold.

    Members
    -------
    hidden : In
        Hidden code.
    operands : In
        Its weights towards each two channels, a clock behind.
    i_sums : In
        Sums of the column before, seven clocks behind the hidden code.
    o_sums : Out
        Sums with this column's products.
    """

    LATENCY = 1 + ProcessingElement.LATENCY

    def __init__(self, channels: int, *, before: int):
        self.channels = channels
        self.before = before

        super().__init__({
            "hidden": In(code(HIDDEN)),
            "operands": In(mix_row(channels)),
            "i_sums": In(mix_sum(before)).array(channels),
            "o_sums": Out(mix_sum(before + 1)).array(channels),
        })

    def elaborate(self, platform):
        m = Module()

        elements = self.channels // PAIR
        hidden = copies(m, self.hidden, -(-elements // GROUP), name="hidden")
        for index in range(elements):
            m.submodules[f"pe{index}"] = pe = ProcessingElement(
                PAIR,
                sample=code(HIDDEN),
                i_sum=mix_sum(self.before),
                o_sum=mix_sum(self.before + 1),
            )
            channels = slice(PAIR * index, PAIR * (index + 1))
            m.d.comb += [
                pe.sample.eq(hidden[index // GROUP]),
                pe.operand.eq(self.operands[index]),
                *connect_each(self.i_sums[channels], pe.i_sums),
                *connect_each(pe.o_sums, self.o_sums[channels]),
            ]

        return m
