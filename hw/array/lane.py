"""A filter lane: a perception chain, a mixing column a filter, and the skeleton memory of both."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from hw.array.mix import Mix
from hw.array.perceive import Perceive
from hw.primitives import ReadOnlyMemory, connect_each, delay
from hw.scan import Scan, token_layout
from hw.shapes import TAPS, Geometry, code, mix_row, mix_sum, perceive_row

__all__ = ["Lane"]


class Lane(wiring.Component):
    """Compute one filter a clock, or two, and add what they contribute to every channel.

    Taps, address and sums go on to the next lane, each by as many clocks later as the lane has
    filters: the samples that the filters of a channel share travel, they are not fanned out.

    Latency of the first filter is 32 clocks from the address to the sums; initiation interval one.
    Does not accept backpressure.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    index : int
        Number of this lane.
    perceive : list of int
        Rows of the filters' skeleton memory.
    mix : list of list of int
        Rows of each mixing column's skeleton memory.

    Members
    -------
    i_address : In
        Skeleton and slot, four clocks before tap 8.
    i_taps : In
        Nine samples, as `Perceive` takes them.
    i_sums : In
        Sums of the lane before.
    o_address, o_taps, o_sums : Out
        The same for the next lane.
    i_scan, o_scan : In, Out
        Tokens past the memories; see `hw.scan`.
    """

    LATENCY = 1 + ReadOnlyMemory.LATENCY + 1 + Perceive.LATENCY + Mix.LATENCY

    def __init__(
        self,
        geometry: Geometry,
        index: int,
        *,
        perceive: Sequence[int],
        mix: Sequence[Sequence[int]],
    ):
        self.geometry = geometry
        self.index = index
        self.perceive = perceive
        self.mix = mix
        self.filters = geometry.lane_filters[index]
        self.before = sum(geometry.lane_filters[:index])
        """Filters of the lanes before this one."""

        channels = geometry.spec.channels
        super().__init__({
            "i_address": In(geometry.address),
            "i_taps": In(code(STATE)).array(TAPS),
            "i_sums": In(mix_sum(self.before)).array(channels),
            "o_address": Out(geometry.address),
            "o_taps": Out(code(STATE)).array(TAPS),
            "o_sums": Out(mix_sum(self.before + self.filters)).array(channels),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        address = delay(m, Value.cast(self.i_address), 1, name="address")
        onward = delay(m, address, self.filters - 1, name="onward")
        m.d.comb += Value.cast(self.o_address).eq(onward)
        for before, after in zip(self.i_taps, self.o_taps, strict=True):
            m.d.comb += after.eq(delay(m, before, self.filters, name="tap"))

        layout = perceive_row(self.filters)
        m.submodules.perceive_rom = rom = ReadOnlyMemory(layout, self.perceive)
        m.submodules.perceive = perceive = Perceive(self.filters)
        row = delay(m, Value.cast(rom.data), 1, name="row")  # closer than the memory
        m.d.comb += [
            rom.address.eq(address),
            Value.cast(perceive.row).eq(row),
            *connect_each(self.i_taps, perceive.taps),
        ]
        scan = self.scan(m, f"perceive{self.index}", row, self.i_scan)

        address = delay(m, address, 1 + Perceive.LATENCY, name="mix_address")
        sums = self.i_sums
        for column, hidden in enumerate(perceive.hidden):
            rom, mix = self.column(m, column)
            # Each column adds to the sums a clock after the one before.
            m.d.comb += [
                rom.address.eq(delay(m, address, column, name=f"address{column}")),
                mix.hidden.eq(delay(m, hidden, column, name=f"hidden{column}")),
                *connect_each(sums, mix.i_sums),
            ]
            sums = mix.o_sums
            operands = Value.cast(mix.operands)  # closer than the memory
            scan = self.scan(m, f"mix{self.index}_{column}", operands, scan)
        m.d.comb += [*connect_each(sums, self.o_sums), self.o_scan.eq(scan)]

        return m

    def column(self, m: Module, column: int) -> tuple[ReadOnlyMemory, Mix]:
        """Return a mixing column and its memory."""
        channels = self.geometry.spec.channels
        rom = ReadOnlyMemory(mix_row(channels), self.mix[column])
        mix = Mix(channels, before=self.before + column)
        m.submodules[f"mix{column}_rom"], m.submodules[f"mix{column}"] = rom, mix
        # The multipliers are many, hence far apart: operands get a clock for the way alone.
        m.d.comb += mix.operands.eq(delay(m, Value.cast(rom.data), 1, name=f"operands{column}"))
        return rom, mix

    def scan(self, m: Module, name: str, row: Value, token: data.View) -> data.View:
        """Pass a memory's tokens by its row, which may be late; return where they go on."""
        m.submodules[f"{name}_scan"] = place = Scan(self.geometry, name, len(row))
        m.d.comb += [place.i.eq(token), place.row.eq(row)]
        return place.o
