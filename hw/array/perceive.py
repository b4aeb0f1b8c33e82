"""Perception: a chain of nine processing elements computes one filter a clock, or two."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, SHIFTS, STATE
from hw.array.pe import ProcessingElement
from hw.array.requantiser import Requantiser
from hw.primitives import connect_each, delay
from hw.shapes import TAPS, code, perceive_row, tap_sum

__all__ = ["Perceive"]


class Perceive(wiring.Component):
    """Compute hidden codes: nine products summed along a chain, then ReLU and normalisation.

    Bit-exact with the perceive, ReLU and norm of ``golden.naive.step``. The chain begins with the
    bias at tap 8 and ends at tap 0; tap ``8 - n`` must come ``n`` clocks after tap 8. Two filters
    of a channel have the same taps, so each processing element serves both.

    Latency is 20 clocks from tap 8, initiation interval one. Does not accept backpressure. Takes
    nine multiplier blocks.

    Parameters
    ----------
    filters : int
        Filters a clock, 1 or 2.

    Members
    -------
    taps : In
        Nine samples in raster order, each later than its right neighbour by a clock.
    row : In
        Operands, biases and shifts of the filters, with tap 8.
    hidden : Out
        A hidden code for each filter.
    """

    LATENCY = TAPS - 1 + ProcessingElement.LATENCY + Requantiser.LATENCY

    def __init__(self, filters: int):
        self.filters = filters

        super().__init__({
            "taps": In(code(STATE)).array(TAPS),
            "row": In(perceive_row(filters)),
            "hidden": Out(code(HIDDEN)).array(filters),
        })

    def elaborate(self, platform):
        m = Module()

        wait = ProcessingElement.LATENCY - 1
        totals = [delay(m, bias, wait, name="bias") for bias in self.row.biases]
        for count in range(TAPS):
            tap = TAPS - 1 - count
            m.submodules[f"pe{tap}"] = pe = ProcessingElement(
                self.filters,
                sample=code(STATE),
                i_sum=tap_sum(count),
                o_sum=tap_sum(count + 1),
            )
            m.d.comb += [
                pe.sample.eq(self.taps[tap]),
                pe.operand.eq(delay(m, self.row.operands[tap], count, name=f"operand{tap}")),
                *connect_each(totals, pe.i_sums),
            ]
            totals = pe.o_sums

        for index in range(self.filters):
            norm = Requantiser(tap_sum(TAPS), max_shift=SHIFTS[-1], to=HIDDEN)
            m.submodules[f"norm{index}"] = norm
            m.d.comb += [
                norm.acc.eq(totals[index]),
                norm.shift.eq(delay(m, self.row.shifts[index], TAPS + wait, name="shift")),
                self.hidden[index].eq(norm.code),
            ]

        return m
