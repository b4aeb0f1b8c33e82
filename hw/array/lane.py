"""A filter lane: one perception chain, one mixing column, and the skeleton memory of both."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from hw.array.mix import Mix
from hw.array.perceive import Perceive
from hw.primitives import ReadOnlyMemory, delayed
from hw.shapes import TAPS, code, mix_row, mix_sum, perceive_row

__all__ = ["Lane"]


class Lane(wiring.Component):
    """Compute one filter a clock and add what it contributes to every channel.

    Taps, address and sums go on to the next lane, each a clock later: the samples that the filters
    of a channel share travel, they are not fanned out.

    Latency is 22 clocks from the address to the sums, initiation interval one. Does not accept
    backpressure.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    index : int
        Number of this lane.
    perceive, mix : list of int
        Rows of the two skeleton memories.

    Members
    -------
    i_address : In
        Skeleton and slot, two clocks before tap 8.
    i_taps : In
        Nine samples, as `Perceive` takes them.
    i_sums : In
        Sums of the lane before.
    o_address, o_taps, o_sums : Out
        The same for the next lane.
    """

    LATENCY = ReadOnlyMemory.LATENCY + Perceive.LATENCY + Mix.LATENCY

    def __init__(self, geometry, index, *, perceive, mix):
        self.geometry = geometry
        self.index = index
        self.rows = {"perceive": perceive, "mix": mix}

        channels = geometry.spec.channels
        taps = data.ArrayLayout(code(STATE), TAPS)
        super().__init__({
            "i_address": In(geometry.address),
            "i_taps": In(taps),
            "i_sums": In(data.ArrayLayout(mix_sum(index), channels)),
            "o_address": Out(geometry.address),
            "o_taps": Out(taps),
            "o_sums": Out(data.ArrayLayout(mix_sum(index + 1), channels)),
        })

    def elaborate(self, platform):
        m = Module()

        channels = self.geometry.spec.channels
        address = Value.cast(self.i_address)
        m.d.comb += [
            Value.cast(self.o_address).eq(delayed(m, address, 1, name="address")),
            Value.cast(self.o_taps).eq(delayed(m, Value.cast(self.i_taps), 1, name="taps")),
        ]

        m.submodules.perceive_rom = filters = ReadOnlyMemory(perceive_row(), self.rows["perceive"])
        m.submodules.perceive = perceive = Perceive()
        m.d.comb += [
            filters.address.eq(address),
            perceive.row.eq(filters.data),
            perceive.taps.eq(self.i_taps),
        ]

        m.submodules.mix_rom = weights = ReadOnlyMemory(mix_row(channels), self.rows["mix"])
        m.submodules.mix = mix = Mix(channels, lane=self.index)
        m.d.comb += [
            weights.address.eq(delayed(m, address, Perceive.LATENCY, name="mix_address")),
            mix.weights.eq(weights.data),
            mix.hidden.eq(perceive.hidden),
            mix.i_sums.eq(self.i_sums),
            self.o_sums.eq(mix.o_sums),
        ]

        return m
