"""A filter lane: one perception chain, one mixing column, and the skeleton memory of both."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from hw.array.mix import Mix
from hw.array.perceive import Perceive
from hw.primitives import ReadOnlyMemory, connect_each, delay
from hw.scan import Scan, token_layout
from hw.shapes import TAPS, code, mix_row, mix_sum, perceive_row

__all__ = ["Lane"]


class Lane(wiring.Component):
    """Compute one filter a clock and add what it contributes to every channel.

    Taps, address and sums go on to the next lane, each a clock later: the samples that the filters
    of a channel share travel, they are not fanned out.

    Latency is 27 clocks from the address to the sums, initiation interval one. Does not accept
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
        Skeleton and slot, three clocks before tap 8.
    i_taps : In
        Nine samples, as `Perceive` takes them.
    i_sums : In
        Sums of the lane before.
    o_address, o_taps, o_sums : Out
        The same for the next lane.
    i_scan, o_scan : In, Out
        Tokens past the memories; see `hw.scan`.
    """

    LATENCY = 1 + ReadOnlyMemory.LATENCY + Perceive.LATENCY + Mix.LATENCY

    def __init__(self, geometry, index, *, perceive, mix):
        self.geometry = geometry
        self.index = index
        self.rows = {"perceive": perceive, "mix": mix}

        channels = geometry.spec.channels
        super().__init__({
            "i_address": In(geometry.address),
            "i_taps": In(code(STATE)).array(TAPS),
            "i_sums": In(mix_sum(index)).array(channels),
            "o_address": Out(geometry.address),
            "o_taps": Out(code(STATE)).array(TAPS),
            "o_sums": Out(mix_sum(index + 1)).array(channels),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        channels = self.geometry.spec.channels
        address = delay(m, Value.cast(self.i_address), 1, name="address")
        m.d.comb += Value.cast(self.o_address).eq(address)
        for before, after in zip(self.i_taps, self.o_taps, strict=True):
            m.d.comb += after.eq(delay(m, before, 1, name="tap"))

        m.submodules.perceive_rom = filters = ReadOnlyMemory(perceive_row(), self.rows["perceive"])
        m.submodules.perceive = perceive = Perceive()
        m.d.comb += [
            filters.address.eq(address),
            perceive.row.eq(filters.data),
            *connect_each(self.i_taps, perceive.taps),
        ]

        m.submodules.mix_rom = weights = ReadOnlyMemory(mix_row(channels), self.rows["mix"])
        m.submodules.mix = mix = Mix(channels, lane=self.index)
        m.d.comb += [
            weights.address.eq(delay(m, address, Perceive.LATENCY, name="mix_address")),
            # The multipliers are many, hence far apart: weights get a clock for the way alone.
            mix.weights.eq(delay(m, Value.cast(weights.data), 1, name="weights")),
            mix.hidden.eq(perceive.hidden),
            *connect_each(self.i_sums, mix.i_sums),
            *connect_each(mix.o_sums, self.o_sums),
        ]
        scan = self.i_scan
        for kind, rom in (("perceive", filters), ("mix", weights)):
            row = Value.cast(rom.data)
            place = Scan(self.geometry, f"{kind}{self.index}", len(row))
            m.submodules[f"{kind}_scan"] = place
            m.d.comb += [place.i.eq(scan), place.row.eq(row)]
            scan = place.o
        m.d.comb += self.o_scan.eq(scan)

        return m
