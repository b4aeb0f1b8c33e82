"""Streams of the generated Verilog in cocotb: sources and sinks that rest now and then.

Everything is driven and awaited at falling edges: what a rising edge sees is settled by then.
"""

import random
from collections.abc import Callable
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from hw.ports import FLUSH

__all__ = ["PERIOD", "Dut", "Sink", "Source", "require", "rests", "start"]

PERIOD = 10  # nanoseconds of a clock

Dut = Any
"""The simulated top: what its ports are, the design decides."""


def require(holds: bool, text: str) -> None:
    """Fail the bench unless something holds; an `assert` would be gone under ``python -O``."""
    if not holds:
        raise AssertionError(text)


def rests(stall: int) -> Callable[[], int]:
    """Return a function that draws how many clocks to rest, at most ``stall``."""
    return lambda: random.randint(0, stall)


async def start(dut: Dut) -> None:
    """Start the clock and reset; returns at a falling edge."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, FLUSH)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


class Source:
    """Put payloads into a stream, with a rest of ``gap()`` clocks before each."""

    def __init__(self, dut: Dut, name: str, gap: Callable[[], int] = lambda: 0) -> None:
        self.clock = dut.clk
        self.payload, self.valid, self.ready = handles(dut, name)
        self.gap = gap
        self.valid.value = 0

    async def put(self, *payloads: int) -> None:
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

    def __init__(self, dut: Dut, name: str, gap: Callable[[], int] = lambda: 0) -> None:
        self.clock = dut.clk
        self.payload, self.valid, self.ready = handles(dut, name)
        self.gap = gap
        self.ready.value = 0

    async def get(self, count: int = 1) -> list[int]:
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


async def falls(clock: Any, count: int) -> None:
    """Wait for so many falling edges."""
    for _ in range(count):
        await FallingEdge(clock)


def handles(dut: Dut, name: str) -> tuple[Any, ...]:
    """Return payload, valid and ready of a stream."""
    return tuple(getattr(dut, f"{name}_{part}") for part in ("payload", "valid", "ready"))
