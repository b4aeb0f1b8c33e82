"""Accumulators: the sums of a cell, which leave while the next cell is summed."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import copies, delay
from hw.shapes import mix_sum

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Sum each channel over the slots of a cell; return the totals, one word per clock.

    Latency is three clocks from the last slot to the first word, initiation interval one cell. Does
    not accept backpressure.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    sums : In
        Summand of each channel from a slot.
    valid, first, last, skeleton : In
        Whether there is a slot, the first or the last one of its cell; its skeleton. All of them a
        clock ahead of the sums.
    check : In
        Row that is to be told of instead, while there is nothing to add up.
    totals : Out
        Totals of the channels of one word.
    o_valid, o_word, o_skeleton : Out
        Whether there is a word, its number, and its skeleton.
    """

    LATENCY = 3

    def __init__(self, geometry):
        self.geometry = geometry

        super().__init__({
            "sums": In(mix_sum(geometry.filters)).array(geometry.spec.channels),
            "valid": In(1),
            "first": In(1),
            "last": In(1),
            "skeleton": In(geometry.skeleton),
            "check": In(geometry.check),
            "totals": Out(geometry.accumulator).array(geometry.lanes),
            "o_valid": Out(1),
            "o_word": Out(range(geometry.words)),
            "o_skeleton": Out(geometry.skeleton),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        channels = geometry.spec.channels
        # One signal per channel, not one packed array: simulators slice wide vectors slowly.
        totals, drain = (
            [
                Signal(geometry.accumulator, name=f"{name}{channel}", reset_less=True)
                for channel in range(channels)
            ]
            for name in ("total", "drain")
        )
        # Sums come from all over the array: they get a clock for the way alone. Each channel has
        # its own control registers.
        valid, first, last = (
            delay(m, getattr(self, name), 1, name=f"early_{name}")
            for name in ("valid", "first", "last")
        )
        ended = delay(m, valid & last, 1, name="ended")
        load = copies(m, ended, channels, name="load")
        loads = delay(m, ended, 1, name="loads")
        skeleton = delay(m, self.skeleton, 3, name="skeleton")
        valid = copies(m, valid, channels, name="valid")
        first = copies(m, first, channels, name="first")

        for channel in range(channels):
            arrived = delay(m, self.sums[channel], 1, name=f"sum{channel}")
            with m.If(valid[channel]):
                m.d.sync += totals[channel].eq(Mux(first[channel], 0, totals[channel]) + arrived)
            # A shift register, so that no multiplexer selects the channels.
            behind = drain[channel + geometry.lanes] if channel + geometry.lanes < channels else 0
            m.d.sync += drain[channel].eq(Mux(load[channel], totals[channel], behind))

        with m.If(loads):
            m.d.sync += [
                self.o_valid.eq(1),
                self.o_word.eq(0),
                self.o_skeleton.eq(skeleton),
            ]
        with m.Elif(self.o_word == geometry.words - 1):
            m.d.sync += self.o_valid.eq(0)
        with m.Else():
            m.d.sync += self.o_word.eq(self.o_word + 1)
        with m.If(self.check.active):
            m.d.sync += [
                self.o_word.eq(self.check.slot),
                self.o_skeleton.eq(self.check.skeleton),
            ]
        for lane in range(geometry.lanes):
            m.d.comb += self.totals[lane].eq(drain[lane])

        return m
