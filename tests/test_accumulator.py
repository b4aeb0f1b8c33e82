"""Accumulators: totals of a cell, drained a word a clock while the next cell is summed."""

import numpy as np
import pytest

from golden.spec import Spec
from hw.array.accumulator import Accumulator
from hw.shapes import Geometry
from tests.streams import look, simulate

SPEC = Spec(height=4, width=4, image=4)


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_totals_follow_the_last_sums_by_three_clocks_and_hold_no_other_cell(filters):
    geometry = Geometry(spec=SPEC, filters=filters)
    rng = np.random.default_rng(5)
    low, high = -filters * 128 * 255, filters * 127 * 255
    cells = rng.integers(low, high + 1, (5, geometry.slots, 16))
    cells[0], cells[1] = low, high
    rests = [0, 0, 0, 7, 0]  # idle clocks before a cell
    dut = Accumulator(geometry)
    got, lasts = [], []

    async def bench(ctx):
        clock, before = 0, [0] * 16
        for number, (cell, clocks) in enumerate(zip(cells.tolist(), rests, strict=True)):
            for slot in [None] * clocks + list(range(geometry.slots)) + [None] * 20 * (number == 4):
                sums = rng.integers(low, high + 1, 16).tolist() if slot is None else cell[slot]
                for port, value in zip(dut.sums, before, strict=True):
                    ctx.set(port, value)
                before = sums  # a clock behind what steers them
                ctx.set(dut.valid, slot is not None)
                ctx.set(dut.first, slot == 0)
                ctx.set(dut.last, slot == geometry.slots - 1)
                ctx.set(dut.skeleton, number % 4)
                if slot == geometry.slots - 1:
                    lasts.append(clock + 1)
                if ctx.get(dut.o_valid):
                    word = (clock, ctx.get(dut.o_word), ctx.get(dut.o_skeleton))
                    got.append((*word, look(ctx, dut.totals)))
                await ctx.tick()
                clock += 1

    simulate(dut, bench)

    totals = cells.sum(axis=1).reshape(5, geometry.words, geometry.lanes)
    want = [
        (lasts[number] + 3 + word, word, number % 4, totals[number, word].tolist())
        for number in range(5)
        for word in range(geometry.words)
    ]
    assert got == want
