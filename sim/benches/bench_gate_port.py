"""The gate port's streams; runs inside the simulator."""

import os
from typing import NoReturn

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from golden.spec import Spec
from hw.shapes import Geometry
from sim.benches.streams import Dut, Sink, Source, falls, require, rests, start
from sim.devices.packing import pack

SIDE = int(os.environ["SIDE"])
GEOMETRY = Geometry(spec=Spec(height=SIDE, width=SIDE, image=4))
CELLS, DELTAS = GEOMETRY.spec.cells, GEOMETRY.spec.deltas


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(stall=[0, 3])
async def planes_leave_whole_and_in_order(dut: Dut, stall: int) -> None:
    """Three planes of two contexts, written faster than they are read."""
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    order = [1, 0, 1]
    planes = rng.integers(0, 256, (3, CELLS)).tolist()
    codes = [
        {"code": code, "context": context, "last": int(index == CELLS - 1)}
        for context, plane in zip(order, planes, strict=True)
        for index, code in enumerate(plane)
    ]
    await start(dut)
    sink = Sink(dut, "o_plane", rests(stall))
    dut.i_delta_valid.value = 0
    dut.valid.value = 0
    task = cocotb.start_soon(write(dut, codes))
    got = await sink.get(3 * CELLS)
    await task
    wanted = [pack(GEOMETRY.plane, **code) for code in codes]
    require(got == wanted, f"planes are {got}, not {wanted}")


async def write(dut: Dut, codes: list[dict[str, int]]) -> None:
    """Give the port codes of planes, with rests in between."""
    gap = rests(2)
    for code in codes:
        dut.code.value, dut.context_.value = code["code"], code["context"]
        dut.last.value, dut.valid.value = code["last"], 1
        await FallingEdge(dut.clk)
        dut.valid.value = 0
        await falls(dut.clk, gap())


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(stall=[0, 3])
async def deltas_interleave_and_are_counted(dut: Dut, stall: int) -> None:
    """Two deltas of each context, mixed code by code."""
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    order = rng.permutation([0, 1] * (2 * DELTAS)).tolist()
    codes = rng.integers(0, 256, 4 * DELTAS).tolist()
    await start(dut)
    source = Source(dut, "i_delta", rests(stall))
    dut.valid.value, dut.open.value = 0, 0b11
    seen: list[tuple[int, ...]] = []
    task = cocotb.start_soon(watch(dut, seen))
    await source.put(
        *(
            pack(GEOMETRY.delta, code=code, context=context)
            for context, code in zip(order, codes, strict=True)
        )
    )
    await FallingEdge(dut.clk)  # what is stored comes a clock later
    task.cancel()
    counts, expected = [0, 0], []
    for context, code in zip(order, codes, strict=True):
        index = counts[context] % DELTAS
        expected.append((context, index, code, (index == DELTAS - 1) << context))
        counts[context] += 1
    require(seen == expected, f"deltas are {seen}, not {expected}")


async def watch(dut: Dut, seen: list[tuple[int, ...]]) -> NoReturn:
    """Note every code that is stored: its context, its index, itself, and what it completes."""
    while True:
        await ReadOnly()
        if enable := int(dut.delta_enable.value):
            context = enable.bit_length() - 1
            index = int(dut.delta_index.value) >> context * (DELTAS - 1).bit_length()
            code, complete = int(dut.delta_code.value), int(dut.complete.value)
            seen.append((context, index % DELTAS, code, complete))
        await FallingEdge(dut.clk)
