# amaranth: UnusedElaboratable=no
"""A reset in the middle of anything leaves nothing of it behind."""

import numpy as np
import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring

from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.array.array import SystolicArray
from hw.array.lane import Lane
from hw.checker import Checker
from hw.chip import Chip
from hw.flow.verilog import run_overhead
from hw.port.gate_port import GatePort
from hw.port.pointwise import PointwiseUnit
from hw.ports import FLUSH
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import images
from tests.streams import collect, feed, look, rest, simulate
from tests.test_array import inputs
from tests.test_lattice_port import CODES, Bench, raster
from tests.test_sequencer import array, build, run, until

SPEC = Spec(height=4, width=4, image=4)
LONG = 100
"""Clocks of a reset: more than any pipeline holds."""


async def reset(ctx, signal, clocks=LONG):
    """Reset for so many clocks."""
    ctx.set(signal, 1)
    await rest(ctx, clocks)
    ctx.set(signal, 0)


@pytest.mark.parametrize("clocks", [40, 333, 500])
def test_a_run_after_a_reset_is_as_the_first_one(clocks):
    dut, asked, writes = build(5), Signal(), []
    gate = Gate(input_channel=1, output_channel=2, start=1)

    async def watch(ctx):
        while True:
            if ctx.get(dut.write):
                place = dut.write, dut.write_cell, dut.write_word, dut.write_opening
                writes.append(tuple(map(ctx.get, place)))
            await ctx.tick()

    async def bench(ctx):
        await run(ctx, dut, 1, 3, gate)
        await run(ctx, dut, 0, 3)
        await rest(ctx, clocks)
        await reset(ctx, asked)
        writes.clear()
        assert (ctx.get(dut.running), ctx.get(dut.open)) == (0, 0)
        assert (ctx.get(dut.clocks), ctx.get(dut.busy)) == (0, 0)
        await run(ctx, dut, 0, 2)
        await until(ctx, dut.running, 0)
        per_step = SPEC.cells * dut.geometry.slots
        assert ctx.get(dut.clocks) == 2 * per_step + run_overhead(dut.geometry)
        assert ctx.get(dut.busy) == 2 * per_step

    simulate(ResetInserter(asked)(dut), bench, background=[array(dut), watch])
    assert writes == 2 * [(1, cell, word, 0) for cell in range(16) for word in range(16)]


class Idle(wiring.Component):
    """Stands for a lane without weights: it changes nothing, and costs no time."""

    LATENCY = Lane.LATENCY

    def __init__(self, geometry, index, **rows):
        self.index = index
        super().__init__(Lane(geometry, index, **rows).signature)

    def elaborate(self, platform):
        return Module()


@pytest.mark.parametrize("clocks", [7 * 16 + 3, 9 * 16 + 11])
def test_a_cell_meets_its_own_change_after_a_reset(clocks, monkeypatch):
    monkeypatch.setattr("hw.array.array.Lane", Idle)
    geometry, asked = Geometry(spec=SPEC, filters=5), Signal()
    state = np.random.default_rng(71).integers(-128, 128, SPEC.lattice)
    slots, words = inputs(geometry, state)
    dut, got = SystolicArray(geometry, images(geometry, ())), []

    async def walk(ctx, count):
        """Feed some clocks of a pass, and keep what comes out."""
        for clock in range(count):
            ctx.set(dut.slot, slots[clock] if clock < len(slots) else {"valid": 0})
            ctx.set(dut.word, words[min(clock, len(words) - 1)])
            if ctx.get(dut.valid):
                got.append(look(ctx, dut.codes))
            await ctx.tick()

    async def bench(ctx):
        await walk(ctx, clocks)
        ctx.set(dut.slot, {"valid": 0})
        await reset(ctx, asked)
        got.clear()
        await walk(ctx, len(slots) + 60)

    simulate(ResetInserter(asked)(dut), bench)
    assert got == np.moveaxis(state, 0, -1).reshape(-1, 1).tolist()


@pytest.mark.parametrize("operation", [Operation.LOAD_STATE, Operation.ZERO, Operation.READ_STATE])
def test_an_operation_after_a_reset_walks_the_whole_lattice(operation):
    bench, asked, got = Bench(1), Signal(), []
    port, codes = bench.port, np.random.default_rng(72).integers(-128, 128, (16, 4, 4))

    async def main(ctx):
        ctx.set(port.i_command.payload, {"operation": operation})
        ctx.set(port.i_command.valid, 1)
        ctx.set(port.i_data.valid, 1)
        await rest(ctx, 103)
        for stream in (port.i_command, port.i_data):
            ctx.set(stream.valid, 0)
        await reset(ctx, asked)
        for kind in (Operation.LOAD_STATE, Operation.READ_STATE):
            await bench.command(ctx, kind)

    async def source(ctx):
        await rest(ctx, 103 + LONG)
        await feed(ctx, port.i_data, raster(codes))

    async def sink(ctx):
        await rest(ctx, 103 + LONG)
        got.extend(await collect(ctx, port.o_data, CODES))
        assert ctx.get(port.o_data.valid) == 0

    simulate(ResetInserter(asked)(bench), main, source, sink)
    assert got == raster(codes)


def test_planes_and_deltas_after_a_reset_begin_anew():
    geometry, asked = Geometry(spec=SPEC, contexts=2), Signal()
    dut, places, got = GatePort(geometry), [], []

    async def write(ctx, codes):
        ctx.set(dut.valid, 1)
        for code in codes:
            ctx.set(dut.code, code)
            await ctx.tick()
        ctx.set(dut.valid, 0)

    async def answer(ctx, count):
        for _ in range(count):
            ctx.set(dut.i_delta.p.context, 1)
            ctx.set(dut.i_delta.valid, 1)
            await ctx.tick()
            places.append((ctx.get(dut.delta_index[1]), ctx.get(dut.complete)))
        ctx.set(dut.i_delta.valid, 0)

    async def bench(ctx):
        ctx.set(dut.open, 0b10)
        await write(ctx, [77] * 5)
        await answer(ctx, 3)
        await reset(ctx, asked)
        assert ctx.get(dut.o_plane.valid) == 0
        places.clear()
        await write(ctx, range(16))
        await answer(ctx, 4)
        got.extend(await collect(ctx, dut.o_plane, 16))

    simulate(ResetInserter(asked)(dut), bench)
    assert places == [(0, 0), (1, 0), (2, 0), (3, 0b10)]
    assert [entry["code"] for entry in got] == list(range(16))


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_a_reset_by_the_host_lasts_longer_than_any_pipeline_of_the_chip(filters):
    geometry = Geometry(spec=SPEC, filters=filters)
    checker = Checker(geometry, [0] * IDENTITY * geometry.skeletons)
    step = Chip.READ_LATENCY + SystolicArray.LATENCY + filters
    image = Chip.READ_LATENCY + PointwiseUnit.LATENCY + 1
    assert max(checker.latency, step, image) < FLUSH
