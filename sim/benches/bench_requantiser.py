"""The requantiser against golden; runs inside the simulator."""

import os

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from golden.fixed import Format, round_shift
from hw.array.requantiser import Requantiser
from sim.benches.streams import Dut, require, start

ACC, SHIFT = int(os.environ["ACC"]), int(os.environ["SHIFT"])
TO = Format(width=8, signed=os.environ["SIGNED"] == "1")
LATENCY = Requantiser.LATENCY


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def equals_golden(dut: Dut) -> None:
    """Every shift with the ends of the range and random accumulators, one in each clock."""
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    low, high = -(1 << ACC - 1), (1 << ACC - 1) - 1
    edges = np.array([low, low + 1, -1, 0, 1, high - 1, high])
    acc = np.concatenate([
        np.repeat(edges, SHIFT + 1),
        rng.integers(low, high + 1, 4000) >> rng.integers(0, ACC - 8, 4000),
    ])
    shift = np.concatenate([np.tile(np.arange(SHIFT + 1), 7), rng.integers(0, SHIFT + 1, 4000)])
    expected = TO.clamp(round_shift(acc, shift)).tolist()

    await start(dut)
    for clock in range(len(acc) + LATENCY):
        if clock < len(acc):
            dut.acc.value = int(acc[clock])
            dut.shift.value = int(shift[clock])
        await FallingEdge(dut.clk)
        if clock >= LATENCY - 1 and (index := clock - LATENCY + 1) < len(acc):
            code = dut.code.value
            got = code.to_signed() if TO.signed else code.to_unsigned()
            text = f"code {index}: got {got}, expected {expected[index]}"
            require(got == expected[index], text)
