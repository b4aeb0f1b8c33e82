"""A context: a lattice whose pending delta is added on the way out."""

import numpy as np
import pytest

from golden.fixed import STATE
from golden.spec import Spec
from hw.context import Context
from hw.shapes import Geometry
from tests.streams import look, simulate

SPEC = Spec(height=4, width=8, image=4)


def at(geometry, cell):
    """A cell's number, column and row."""
    y, x = divmod(cell, geometry.spec.width)
    return {"cell": cell, "x": x, "y": y}


async def fill(ctx, dut, state, delta):
    """Write a lattice channel by channel, and a delta beside it."""
    geometry = dut.geometry
    raster = np.moveaxis(state, 0, -1).reshape(-1).tolist()
    for index, code in enumerate(raster):
        cell, channel = divmod(index, 16)
        word, lane = divmod(channel, geometry.lanes)
        ctx.set(dut.write_cell, cell)
        ctx.set(dut.write_word, word)
        ctx.set(dut.write_codes, [code] * geometry.lanes)
        ctx.set(dut.write_enable, 1 << lane)
        ctx.set(dut.delta_index, index % len(delta))
        ctx.set(dut.delta_code, delta[index % len(delta)])
        ctx.set(dut.delta_enable, index < len(delta))
        await ctx.tick()
    ctx.set(dut.write_enable, 0)
    ctx.set(dut.delta_enable, 0)
    await ctx.tick()  # a write takes a clock to arrive


async def walk(ctx, dut):
    """Read a word each clock; return the lattice, read as late as promised."""
    geometry, words = dut.geometry, []
    count = geometry.spec.cells * geometry.words
    for index in range(count + dut.LATENCY):
        cell, word = divmod(min(index, count - 1), geometry.words)
        ctx.set(dut.read_at, at(geometry, cell))
        ctx.set(dut.read_word, word)
        if index >= dut.LATENCY:
            words.append(look(ctx, dut.read_codes))
        await ctx.tick()
    raster = np.array(words).reshape(geometry.spec.height, geometry.spec.width, 16)
    return np.moveaxis(raster, -1, 0)


def added(state, delta, channel, phase):
    """The lattice with the delta added to one channel, to all cells or to a phase of them."""
    field = np.array(delta).reshape(2, 4).repeat(2, axis=0).repeat(2, axis=1)
    y, x = np.indices((4, 8))
    reached = True if phase is None else (y % 2 == phase[0]) & (x % 2 == phase[1])
    result = state.copy()
    result[channel] = np.where(reached, STATE.clamp(state[channel] + field), state[channel])
    return result


@pytest.mark.parametrize("filters", [1, 2])
def test_reads_are_the_lattice_with_the_pending_delta_six_clocks_on(filters):
    dut = Context(Geometry(spec=SPEC, filters=filters))
    assert dut.LATENCY == 6
    rng = np.random.default_rng(14)
    state = rng.choice([-128, -127, -1, 0, 1, 126, 127], SPEC.lattice)
    delta = [-128, 127, 1, -1, 0, 100, -100, 5]
    phases = [None, (0, 0), (0, 1), (1, 0), (1, 1)]

    async def bench(ctx):
        await fill(ctx, dut, state, delta)
        assert (await walk(ctx, dut) == state).all()
        for index, phase in enumerate(phases):
            channel = (0, 15, 6, 9, 1)[index]
            row, column = phase or (1, 1)
            ctx.set(
                dut.pending,
                {
                    "active": 1,
                    "phased": phase is not None,
                    "row": row,
                    "column": column,
                    "channel": channel,
                },
            )
            assert (await walk(ctx, dut) == added(state, delta, channel, phase)).all(), phase
        ctx.set(dut.pending, {"active": 0, "channel": 1})
        assert (await walk(ctx, dut) == state).all()

    simulate(dut, bench)


@pytest.mark.parametrize("filters", [1, 2])
def test_a_delta_counts_if_it_is_pending_together_with_the_address(filters):
    dut = Context(Geometry(spec=SPEC, filters=filters))
    last, word = SPEC.cells - 1, dut.geometry.words - 1
    got = []

    async def bench(ctx):
        await fill(ctx, dut, np.full(SPEC.lattice, 5), [10] * SPEC.deltas)
        ctx.set(dut.read_at, at(dut.geometry, last))
        ctx.set(dut.read_word, word)
        for clock in range(9):
            # The sequencer spends a delta in the very clock after the last address.
            ctx.set(dut.pending, {"active": clock == 2, "channel": 15})
            got.append(look(ctx, dut.read_codes)[-1])
            await ctx.tick()

    simulate(dut, bench)
    assert got[6:] == [5, 5, 15]
