"""The sequencer: passes without a gap, openings, and clocks that follow a formula."""

from collections import deque

import pytest

from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.array.array import SystolicArray
from hw.chip import Chip
from hw.clocks import run_overhead
from hw.sequencer.sequencer import Sequencer
from hw.shapes import Geometry
from sim.devices.packing import command_code
from tests.streams import put, simulate

SPEC = Spec(height=4, width=4, image=4)


def build(filters):
    """A sequencer for the smallest lattice."""
    geometry = Geometry(spec=SPEC, filters=filters)
    latency = {"read_latency": Chip.READ_LATENCY, "word_latency": SystolicArray.WORD_LATENCY}
    return Sequencer(geometry, **latency)


def array(dut):
    """Stand for the array: after the last slot of a cell its words come, so many clocks later."""
    geometry, latency = dut.geometry, SystolicArray.LATENCY + dut.geometry.filters

    async def bench(ctx):
        due, clock = deque(), 0
        while True:
            slot = ctx.get(dut.slot)
            if slot["valid"] and slot["last"]:
                due.extend((clock + latency + word, word) for word in range(geometry.words))
            writes = bool(due) and due[0][0] == clock
            ctx.set(dut.array_valid, writes)
            if writes:
                ctx.set(dut.array_word, due.popleft()[1])
            await ctx.tick()
            clock += 1

    return bench


async def run(ctx, dut, context, steps, gate=None, step=0, **values):
    """Start a run."""
    values |= {"operation": Operation.RUN, "context": context, "steps": steps}
    code = command_code(dut.geometry, gate=gate, step=step, **values)
    await put(ctx, dut.i_run, dut.geometry.command.from_bits(code))


async def until(ctx, signal, value, limit=20_000):
    """Wait until a signal has a value; return the clocks."""
    for clocks in range(limit):
        if ctx.get(signal) == value:
            return clocks
        await ctx.tick()
    raise AssertionError(f"{signal.name} does not become {value}")


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_clocks_of_a_run_follow_the_formula(filters):
    dut = build(filters)
    per_step = SPEC.cells * dut.geometry.slots

    async def bench(ctx):
        clocks = busy = 0
        for steps in (1, 2, 10):
            await run(ctx, dut, 0, steps)
            await until(ctx, dut.running, 0)
            clocks += steps * per_step + run_overhead(dut.geometry)
            busy += steps * per_step
            assert ctx.get(dut.clocks) == clocks
            assert ctx.get(dut.busy) == busy

    simulate(dut, bench, background=[array(dut)])


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_a_full_lattice_keeps_the_promised_overhead(filters):
    geometry = Geometry(filters=filters)
    assert run_overhead(geometry) <= 34 * geometry.slots + 100


def test_a_run_of_no_steps_is_over_at_once():
    dut = build(5)

    async def bench(ctx):
        for _ in range(2):
            await run(ctx, dut, 1, 0)
            assert ctx.get(dut.running) == 0

    simulate(dut, bench)


def test_a_context_takes_its_next_run_when_the_last_has_ended():
    dut = build(5)

    async def bench(ctx):
        await run(ctx, dut, 0, 1)
        await run(ctx, dut, 1, 1)  # another context's is taken at once
        assert ctx.get(dut.running) == 0b11
        await run(ctx, dut, 0, 1)
        assert ctx.get(dut.running) == 0b11
        assert ctx.get(dut.clocks) >= SPEC.cells * dut.geometry.slots

    simulate(dut, bench, background=[array(dut)])


@pytest.mark.parametrize("first", [0, 1])
def test_two_runs_share_the_array_without_a_gap(first):
    dut = build(5)
    per_step = SPEC.cells * dut.geometry.slots
    order = []

    async def watch(ctx):
        while True:
            if ctx.get(dut.write) and (not order or order[-1] != ctx.get(dut.write)):
                order.append(ctx.get(dut.write))
            await ctx.tick()

    async def bench(ctx):
        await run(ctx, dut, first, 3)
        await run(ctx, dut, 1 - first, 2)
        await until(ctx, dut.running, 0)
        assert ctx.get(dut.clocks) == 5 * per_step + run_overhead(dut.geometry)
        assert ctx.get(dut.busy) == 5 * per_step

    simulate(dut, bench, background=[array(dut), watch])
    assert order == [1 << first, 1 << 1 - first]  # a context keeps the array until its run ends


@pytest.mark.parametrize("filters", [1, 5])
def test_every_slot_is_of_the_skeleton_of_its_own_run(filters):
    dut = build(filters)
    per_step, found = SPEC.cells * dut.geometry.slots, []

    async def watch(ctx):
        while True:
            slot = ctx.get(dut.slot)
            if slot["valid"]:
                found.append(slot["address"]["skeleton"])
            await ctx.tick()

    async def bench(ctx):
        await run(ctx, dut, 0, 2, skeleton=3)
        await run(ctx, dut, 1, 1, skeleton=2)
        await until(ctx, dut.running, 0)

    simulate(dut, bench, background=[array(dut), watch])
    assert found == [3] * (2 * per_step) + [2] * per_step


def test_an_opening_waits_for_its_delta_and_the_other_context_goes_on():
    dut = build(5)
    gate = Gate(input_channel=3, output_channel=7, start=2, mapping="phase4")

    async def bench(ctx):
        # Resumed after step 2: the openings 3 and 4 are the second and third.
        await run(ctx, dut, 0, 2, gate, 2)
        await run(ctx, dut, 1, 3)
        await until(ctx, dut.open, 0b01)
        assert ctx.get(dut.running) == 0b11
        for opening, (row, column) in ((1, (0, 1)), (2, (1, 0))):
            await until(ctx, dut.open, 0b01)
            assert ctx.get(dut.pending[0].active) == 0, opening
            await until(ctx, dut.running, 0b01)  # the host is late: the other run ends first
            ctx.set(dut.delta, 0b01)
            await ctx.tick()
            ctx.set(dut.delta, 0)
            pending = ctx.get(dut.pending[0])
            assert ctx.get(dut.open) == 0
            assert (pending["active"], pending["phased"], pending["channel"]) == (1, 1, 7)
            assert (pending["row"], pending["column"]) == (row, column)
        await ctx.tick()
        assert ctx.get(dut.running) == 0
        assert ctx.get(dut.pending[0].active) == 1
        ctx.set(dut.spend, 0b01)
        await ctx.tick()
        assert ctx.get(dut.pending[0].active) == 0

    simulate(dut, bench, background=[array(dut)])
