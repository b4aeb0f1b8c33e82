"""The update's point-wise products: a column of processing elements for each filter lane."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, WEIGHT
from hw.array.pe import ProcessingElement
from hw.primitives import copies
from hw.shapes import code, mix_row, mix_sum

__all__ = ["GROUP", "Mix"]

GROUP = 4
"""Channels that share a register of whatever all of them want."""


class Mix(wiring.Component):
    """Multiply a hidden code towards every channel and add to the sums of the lane before.

    Latency is six clocks from the hidden code, one from the sums handed in; initiation interval
    one. Does not accept backpressure. Takes a multiplier block for each channel.

    Parameters
    ----------
    channels : int
        Channels that the update mixes into.
    lane : int
        Lanes before this one, whose products the sums handed in hold.

    Members
    -------
    hidden : In
        Hidden code.
    weights : In
        Its weight towards each channel, a clock behind.
    i_sums : In
        Sums of the lane before, five clocks behind the hidden code.
    o_sums : Out
        Sums with this lane's products.
    """

    LATENCY = 1 + ProcessingElement.LATENCY

    def __init__(self, channels, *, lane):
        self.channels = channels
        self.lane = lane

        super().__init__({
            "hidden": In(code(HIDDEN)),
            "weights": In(mix_row(channels)),
            "i_sums": In(mix_sum(lane)).array(channels),
            "o_sums": Out(mix_sum(lane + 1)).array(channels),
        })

    def elaborate(self, platform):
        m = Module()

        hidden = copies(m, self.hidden, -(-self.channels // GROUP), name="hidden")
        for channel in range(self.channels):
            m.submodules[f"pe{channel}"] = pe = ProcessingElement(
                sample=code(HIDDEN),
                weight=code(WEIGHT),
                i_sum=mix_sum(self.lane),
                o_sum=mix_sum(self.lane + 1),
            )
            m.d.comb += [
                pe.sample.eq(hidden[channel // GROUP]),
                pe.weight.eq(self.weights[channel]),
                pe.i_sum.eq(self.i_sums[channel]),
                self.o_sums[channel].eq(pe.o_sum),
            ]

        return m
