"""The models of hard blocks beside the portable primitives; runs inside the simulator."""

import cocotb
from cocotb.triggers import ClockCycles

from sim.benches.streams import Dut, require, start

PAIRS = 1 << 16  # of operands


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def equal_portable(dut: Dut) -> None:
    """Every pair of operands, and random traffic on every memory, a step in each clock."""
    await start(dut)
    await ClockCycles(dut.clk, PAIRS + 8)
    require(dut.count.value.to_unsigned() >= PAIRS, f"fewer than {PAIRS} clocks")
    require(dut.differs.value.to_unsigned() == 0, f"outputs {dut.differs.value} differ")
