"""The residual against golden; runs inside the simulator."""

import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from golden.fixed import STATE, trunc_shift
from hw.array.residual import Residual
from sim.benches.streams import Dut, require, start

ROWS = np.load(Path(os.environ["BENCH"]) / "rows.npy")  # bias and shift of each word and skeleton
WORDS = 16


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def equals_golden(dut: Dut) -> None:
    """Totals around every limit and random ones, one in each clock."""
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    count = 6000
    place = rng.integers(0, len(ROWS), count)
    bias, shift = ROWS[place].T
    change = rng.choice([0, 1, 2, 127, 128, 254, 255, 256, 300], count) << shift
    wanted = rng.choice([-1, 1], count) * change + rng.integers(-1, 2, count)
    total = np.clip(wanted - bias, -80 * 128 * 255, 80 * 127 * 255)
    state = rng.choice([-128, -127, -1, 0, 1, 126, 127], count)
    expected = STATE.clamp(state + trunc_shift(bias + total, shift)).tolist()

    await start(dut)
    for clock in range(count + Residual.LATENCY - 1):
        if clock < count:
            dut.total.value = int(total[clock])
            dut.word.value = int(place[clock]) % WORDS
            dut.skeleton.value = int(place[clock]) // WORDS
        if 0 <= (index := clock - Residual.STATE_LATENCY) < count:
            dut.state.value = int(state[index])
        await FallingEdge(dut.clk)
        if (index := clock - Residual.LATENCY + 1) >= 0:
            got = dut.code.value.to_signed()
            text = f"code {index}: got {got}, expected {expected[index]}"
            require(got == expected[index], text)
