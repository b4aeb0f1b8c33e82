"""The window: nine taps around every cell, zero beyond the edges, each a clock after the other."""

from functools import cache

import numpy as np
import pytest

from golden.spec import Spec
from hw.array.window import Window
from hw.shapes import Geometry
from tests.streams import look, simulate

SIZES = {1: (4, 4), 2: (8, 4), 5: (4, 8)}


@cache
def walk(filters, passes=2):
    """Stream random lattices back to back; return geometry, states, and all that left, by clock."""
    height, width = SIZES[filters]
    geometry = Geometry(spec=Spec(height=height, width=width, image=4), filters=filters)
    cells = height * width
    rng = np.random.default_rng(9)
    states = rng.integers(1, 128, (passes, cells, 16))  # no zero: those of the edges stand out
    stream = np.concatenate([states.reshape(-1, 16), rng.integers(1, 128, (width + 2, 16))])
    dut, seen = Window(geometry), []

    async def bench(ctx):
        for newest, cell in enumerate(stream.tolist()):
            centre = newest - width - 1
            y, x = divmod(centre % cells, width)
            edges = {
                "top": y == 0,
                "bottom": y == height - 1,
                "left": x == 0,
                "right": x == width - 1,
            }
            for slot in range(geometry.slots):
                word, phase = divmod(slot, geometry.phases)
                ctx.set(dut.word, cell[word * geometry.lanes : (word + 1) * geometry.lanes])
                ctx.set(dut.advance, phase == 0)
                ctx.set(dut.edges, edges)
                ctx.set(dut.valid, 0 <= centre < passes * cells)
                taps = look(ctx, dut.taps)
                seen.append((taps, ctx.get(dut.centre_valid), look(ctx, dut.centre)))
                await ctx.tick()

    simulate(dut, bench)
    return geometry, states, seen


@pytest.mark.parametrize("filters", SIZES)
def test_taps_are_the_cells_around_and_zero_beyond_the_edges(filters):
    geometry, states, seen = walk(filters)
    height, width = SIZES[filters]
    begin = (width + 1) * geometry.slots
    for number, state in enumerate(states):
        padded = np.pad(state.reshape(height, width, 16), ((1, 1), (1, 1), (0, 0)))
        for cell in range(height * width):
            y, x = divmod(cell, width)
            for slot in range(geometry.slots):
                clock = begin + (number * height * width + cell) * geometry.slots + slot
                first = slot // geometry.phases * geometry.lanes
                for tap in range(9):
                    late = clock + 1 + 8 - tap
                    if late < len(seen):
                        want = padded[y + tap // 3, x + tap % 3, first : first + geometry.lanes]
                        assert seen[late][0][tap] == want.tolist(), (cell, slot, tap)


@pytest.mark.parametrize("filters", SIZES)
def test_the_centre_leaves_once_a_word_in_raster_order(filters):
    geometry, states, seen = walk(filters)
    got = [centre for _, valid, centre in seen if valid]
    want = states.reshape(-1, geometry.lanes).tolist()
    assert got == want
