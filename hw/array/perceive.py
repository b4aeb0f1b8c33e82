"""Perception: a chain of nine processing elements computes one filter a clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import HIDDEN, SHIFTS, STATE, WEIGHT
from hw.array.pe import ProcessingElement
from hw.array.requantiser import Requantiser
from hw.primitives import delay
from hw.shapes import TAPS, code, perceive_row, tap_sum

__all__ = ["Perceive"]


class Perceive(wiring.Component):
    """Compute hidden codes: nine products summed along a chain, then ReLU and normalisation.

    Bit-exact with the perceive, ReLU and norm of ``golden.naive.step``. The chain begins with the
    bias at tap 8 and ends at tap 0; tap ``8 - n`` must come ``n`` clocks after tap 8.

    Latency is 18 clocks from tap 8, initiation interval one. Does not accept backpressure. Takes
    nine multiplier blocks.

    Members
    -------
    taps : In
        Nine samples in raster order, each later than its right neighbour by a clock.
    row : In
        Weights, bias and shift of the filter, with tap 8.
    hidden : Out
        Hidden code.
    """

    LATENCY = TAPS - 1 + ProcessingElement.LATENCY + Requantiser.LATENCY

    def __init__(self):
        super().__init__({
            "taps": In(code(STATE)).array(TAPS),
            "row": In(perceive_row()),
            "hidden": Out(code(HIDDEN)),
        })

    def elaborate(self, platform):
        m = Module()

        wait = ProcessingElement.LATENCY - 1
        total = delay(m, self.row.bias, wait, name="bias")
        for count in range(TAPS):
            tap = TAPS - 1 - count
            m.submodules[f"pe{tap}"] = pe = ProcessingElement(
                sample=code(STATE),
                weight=code(WEIGHT),
                i_sum=tap_sum(count),
                o_sum=tap_sum(count + 1),
            )
            m.d.comb += [
                pe.sample.eq(self.taps[tap]),
                pe.weight.eq(delay(m, self.row.weights[tap], count, name=f"weight{tap}")),
                pe.i_sum.eq(total),
            ]
            total = pe.o_sum

        m.submodules.norm = norm = Requantiser(tap_sum(TAPS), max_shift=SHIFTS[-1], to=HIDDEN)
        m.d.comb += [
            norm.acc.eq(total),
            norm.shift.eq(delay(m, self.row.shift, TAPS + wait, name="shift")),
            self.hidden.eq(norm.code),
        ]

        return m
