"""Streams of the generated Verilog in cocotb: sources and sinks that rest now and then.

Everything is driven and awaited at falling edges: what a rising edge sees is settled by then.
"""

import random

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

__all__ = ["PERIOD", "Sink", "Source", "require", "rests", "start"]

FLUSH = 64  # clocks of reset: more than any pipeline holds
PERIOD = 10  # nanoseconds of a clock


def require(holds, text):
    """Fail the bench unless something holds; an `assert` would be gone under ``python -O``."""
    if not holds:
        raise AssertionError(text)


def rests(stall):
    """Return a function that draws how many clocks to rest, at most ``stall``."""
    return lambda: random.randint(0, stall)


async def start(dut):
    """Start the clock and reset; returns at a falling edge."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, FLUSH)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


class Source:
    """Put payloads into a stream, with a rest of ``gap()`` clocks before each."""

    def __init__(self, dut, name, gap=lambda: 0):
        self.clock = dut.clk
        self.payload, self.valid, self.ready = handles(dut, name)
        self.gap = gap
        self.valid.value = 0

    async def put(self, *payloads):
        """Offer payload after payload until it is taken."""
        self.valid.value = 1
        for payload in payloads:
            self.payload.value = payload
            if clocks := self.gap():
                self.valid.value = 0
                await falls(self.clock, clocks)
                self.valid.value = 1
            moved = False
            while not moved:
                await ReadOnly()
                moved = self.ready.value == 1
                await FallingEdge(self.clock)
        self.valid.value = 0


class Sink:
    """Get payloads from a stream, with a rest of ``gap()`` clocks before each."""

    def __init__(self, dut, name, gap=lambda: 0):
        self.clock = dut.clk
        self.payload, self.valid, self.ready = handles(dut, name)
        self.gap = gap
        self.ready.value = 0

    async def get(self, count=1):
        """Wait for so many payloads and return them as unsigned integers."""
        payloads = []
        self.ready.value = 1
        for _ in range(count):
            if clocks := self.gap():
                self.ready.value = 0
                await falls(self.clock, clocks)
                self.ready.value = 1
            if self.valid.value == 0:
                # Waiting for an edge of `valid` spares a look at it in each clock.
                await RisingEdge(self.valid)
                await FallingEdge(self.clock)
            payloads.append(int(self.payload.value))
            await FallingEdge(self.clock)
        self.ready.value = 0
        return payloads


async def falls(clock, count):
    """Wait for so many falling edges."""
    for _ in range(count):
        await FallingEdge(clock)


def handles(dut, name):
    """Return payload, valid and ready of a stream."""
    return tuple(getattr(dut, f"{name}__{part}") for part in ("payload", "valid", "ready"))
