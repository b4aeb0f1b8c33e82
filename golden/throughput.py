"""Gated digits a second over a wire, from clocks that were measured in simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

__all__ = ["BITS", "digits_per_second"]

BITS = 10
"""Bits that a UART takes for a byte."""


def digits_per_second(rows: Sequence[Mapping[str, int]], clock: float, baud: float) -> float:
    """Return the gated digits a second of a chip of ``clock`` MHz behind a UART.

    `rows` are what `sim.throughput.measure_uart` measured for the chip's F: clocks of a digit for
    some clocks of a byte. In between, clocks are taken to be linear, which is never too few: they
    are the longest of several chains, each linear in the pace of the wire. Beyond the slowest wire
    each further clock of a byte counts for every byte. A faster wire than any measured raises.
    """
    pace = BITS * clock * 1e6 / baud
    known = sorted(rows, key=lambda row: row["pace"])
    if pace < known[0]["pace"]:
        raise ValueError(f"A byte must take at least {known[0]['pace']} clocks, not {pace:.1f}")
    last = known[-1]
    clocks = last["clocks"] + (pace - last["pace"]) * (last["to_chip"] + last["from_chip"])
    for low, high in pairwise(known):
        if low["pace"] <= pace <= high["pace"]:
            share = (pace - low["pace"]) / (high["pace"] - low["pace"])
            clocks = low["clocks"] + share * (high["clocks"] - low["clocks"])
            break
    return clock * 1e6 / clocks
