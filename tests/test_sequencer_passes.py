# amaranth: UnusedElaboratable=no
"""The sequencer's passes, cell by cell, and what each run is told and nobody else."""

import pytest

from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.array.array import SystolicArray
from hw.chip import Chip
from hw.clocks import run_overhead
from hw.sequencer.sequencer import Sequencer
from hw.shapes import Geometry
from tests.streams import put, simulate
from tests.test_sequencer import array, run, until


def build(height=4, width=4, filters=5, contexts=3):
    """A sequencer for a small lattice."""
    spec = Spec(height=height, width=width, image=4)
    geometry = Geometry(spec=spec, filters=filters, contexts=contexts)
    return Sequencer(
        geometry, read_latency=Chip.READ_LATENCY, word_latency=SystolicArray.WORD_LATENCY
    )


def watch(dut, seen, *names):
    """Return a background bench that keeps what some ports show in each clock."""

    async def bench(ctx):
        while True:
            seen.append(tuple(ctx.get(getattr(dut, name)) for name in names))
            await ctx.tick()

    return bench


WAIT = Chip.READ_LATENCY - SystolicArray.WORD_LATENCY
"""Clocks from a word's address to the slot in which the word arrives."""


def reads(seen):
    """Context, cell and word of every word that the array has taken."""
    taken = [clock - WAIT for clock, (slot, *_) in enumerate(seen) if slot["advance"]]
    found = [seen[clock][1:] for clock in taken]
    return [(context, position["cell"], word) for context, position, word in found]


@pytest.mark.parametrize(("height", "width", "filters"), [(4, 8, 5), (8, 4, 5), (4, 4, 2)])
def test_a_pass_reads_computes_and_writes_every_word_in_raster_order(height, width, filters):
    dut = build(height, width, filters)
    geometry, seen = dut.geometry, []
    cells, slots, words = height * width, geometry.slots, geometry.words

    async def bench(ctx):
        await run(ctx, dut, 2, 2, skeleton=3)
        await until(ctx, dut.running, 0)
        assert ctx.get(dut.clocks) == 2 * cells * slots + run_overhead(geometry)
        assert ctx.get(dut.busy) == 2 * cells * slots

    names = ("slot", "read_context", "read_at", "read_word")
    places = ("write", "write_context", "write_cell", "write_word", "write_opening")
    written = []
    background = [array(dut), watch(dut, seen, *names), watch(dut, written, *places)]
    simulate(dut, bench, background=background)

    computed = [(clock, slot) for clock, (slot, *_) in enumerate(seen) if slot["valid"]]
    assert len(computed) == 2 * cells * slots
    for index, (clock, slot) in enumerate(computed):
        cell, place = divmod(index, slots)
        y, x = divmod(cell % cells, width)
        edges = (y == 0, y == height - 1, x == 0, x == width - 1)
        assert tuple(slot["edges"][side] for side in ("top", "bottom", "left", "right")) == edges
        assert (slot["first"], slot["last"]) == (place == 0, place == slots - 1)
        assert (slot["address"]["slot"], slot["address"]["skeleton"]) == (place, 3)
        word, phase = divmod(place, geometry.phases)
        assert slot["advance"] == (phase == 0)
        newest = cell + width + 1  # the cell that completes this one's window
        if newest < 2 * cells:
            context, at, found = seen[clock - WAIT][1:]
            assert (context, at["cell"], found) == (2, newest % cells, word)
    raster = [(cell, word) for cell in range(cells) for word in range(words)]
    assert reads(seen)[: 2 * len(raster)] == 2 * [(2, *place) for place in raster]
    want = 2 * [(0b100, 2, *place, 0) for place in raster]
    assert [place for place in written if place[0]] == want


def test_a_run_may_begin_in_any_clock_of_another():
    dut = build()
    cells, slots, seen, written = 16, dut.geometry.slots, [], []
    drain = cells * slots - 9  # when the first one's last read is near, until after its end

    async def bench(ctx):
        for clocks in range(drain, drain + 5 * slots + 60, 27):
            seen.clear(), written.clear()
            before = ctx.get(dut.busy)
            await run(ctx, dut, 1, 1)
            await ctx.tick().repeat(clocks)
            await run(ctx, dut, 0, 1)
            await until(ctx, dut.running, 0)
            assert ctx.get(dut.busy) - before == 2 * cells * slots, clocks
            found = [slot["address"]["slot"] for slot, *_ in seen if slot["valid"]]
            assert found == 2 * cells * list(range(slots)), clocks
            raster = [(cell, word) for cell in range(cells) for word in range(slots)]
            words = reads(seen)
            for context in (1, 0):
                walk = [(context, *one) for one in raster]
                starts = [at for at, one in enumerate(words) if one == walk[0]]
                assert walk in [words[at : at + len(walk)] for at in starts], clocks
            want = [(mask, *one) for mask in (0b10, 0b01) for one in raster]
            assert [one for one in written if one[0]] == want, clocks

    names = ("slot", "read_context", "read_at", "read_word")
    places = watch(dut, written, "write", "write_cell", "write_word")
    simulate(dut, bench, background=[array(dut), watch(dut, seen, *names), places])


@pytest.mark.parametrize("steps", [1 << 16, 1 << 31])
def test_a_run_may_have_as_many_steps_as_a_command_can_tell(steps):
    dut = build()

    async def bench(ctx):
        await run(ctx, dut, 0, steps)
        await until(ctx, dut.slot.last, 1, 500)
        await until(ctx, dut.slot.valid, 1, 500)
        assert ctx.get(dut.running) == 1
        assert ctx.get(dut.busy) < 3 * dut.geometry.slots, "the first lines have no products"

    simulate(dut, bench)


def test_a_run_without_a_gate_has_no_opening():
    dut, seen = build(), []
    fields = {"operation": Operation.RUN, "context": 1, "steps": 2, "gate": {"wait": 1, "every": 1}}

    async def bench(ctx):
        await put(ctx, dut.i_run, dut.geometry.command.const(fields))
        await until(ctx, dut.running, 0)

    simulate(dut, bench, background=[array(dut), watch(dut, seen, "write_opening", "open")])
    assert set(seen) == {(0, 0)}


FIRST = Gate(input_channel=3, output_channel=7, start=1)
SECOND = Gate(input_channel=12, output_channel=9, start=2, every=2, mapping="phase4")


def test_each_context_has_its_own_gate_and_its_own_pending_delta():
    dut, seen = build(), []

    async def answer(ctx, context):
        """Wait for a context's opening and bring its delta."""
        for _ in range(2000):
            if ctx.get(dut.open) & 1 << context:
                break
            await ctx.tick()
        await ctx.tick().repeat(9)
        assert ctx.get(dut.running) & ctx.get(dut.open) & 1 << context, "until the delta is there"
        ctx.set(dut.delta, 1 << context)
        await ctx.tick()
        ctx.set(dut.delta, 0)
        return [ctx.get(pending.active) for pending in dut.pending]

    async def bench(ctx):
        await run(ctx, dut, 0, 1, FIRST)
        await run(ctx, dut, 2, 4, SECOND)
        assert await answer(ctx, 0) == [1, 0, 0]
        assert await answer(ctx, 2) == [1, 0, 1]
        assert await answer(ctx, 2) == [1, 0, 1]
        await until(ctx, dut.running, 0)
        found = [ctx.get(pending) for pending in dut.pending]
        assert [one["active"] for one in found] == [1, 0, 1], "spent by its own pass alone"
        assert (found[0]["phased"], found[0]["channel"]) == (0, 7)
        assert (found[2]["phased"], found[2]["channel"]) == (1, 9)
        assert (found[2]["row"], found[2]["column"]) == (0, 1)
        ctx.set(dut.spend, 0b001)
        await ctx.tick()
        assert [ctx.get(pending.active) for pending in dut.pending] == [0, 0, 1]

    names = ("write", "write_context", "write_opening", "input_channel")
    simulate(dut, bench, background=[array(dut), watch(dut, seen, *names)])

    writes = 16 * 16  # cells and words of a pass
    opening, quiet = (0b100, 2, 1, 12), (0b100, 2, 0, 12)
    passes = [(0b001, 0, 1, 3), quiet, opening, quiet, opening]
    assert [found for found in seen if found[0]] == [one for one in passes for _ in range(writes)]


def test_counters_are_as_wide_as_a_status_tells_them():
    dut = build()
    assert (len(dut.clocks), len(dut.busy)) == (6 * 8, 6 * 8)
