"""The array: a lattice streams in, the same lattice one step on streams out."""

import numpy as np
import pytest

from golden import naive
from golden.samples import calibrated, extreme, uniform
from golden.spec import Spec
from hw.array.array import SystolicArray
from hw.shapes import Geometry
from hw.skeleton_memory import images
from tests.streams import late, look, simulate

CASES = {
    1: (calibrated, (4, 4)),
    2: (extreme, (4, 8)),
    5: (uniform, (4, 4)),
    10: (extreme, (8, 4)),
}


def inputs(geometry, state):
    """Slots and words of one pass, and of the line that completes its last window."""
    spec, words = geometry.spec, []
    raster = np.moveaxis(state, 0, -1).reshape(spec.cells, geometry.words, geometry.lanes)
    junk = np.full((spec.width + 1, geometry.words, geometry.lanes), 99)
    slots = []
    for newest, cell in enumerate(np.concatenate([raster, junk]).tolist()):
        centre = newest - spec.width - 1
        y, x = divmod(centre % spec.cells, spec.width)
        edges = {"top": y == 0, "bottom": y == spec.height - 1}
        edges |= {"left": x == 0, "right": x == spec.width - 1}
        for place in range(geometry.slots):
            word, phase = divmod(place, geometry.phases)
            words.append(cell[word])
            slots.append({
                "advance": phase == 0,
                "valid": centre >= 0,
                "first": place == 0,
                "last": place == geometry.slots - 1,
                "edges": edges,
                "address": {"slot": place, "skeleton": 1},
            })
    return slots, late(words, SystolicArray.WORD_LATENCY, [0] * geometry.lanes)


@pytest.mark.parametrize("filters", CASES)
def test_every_code_of_a_step_equals_golden_a_slot_a_clock(filters):
    kind, (height, width) = CASES[filters]
    spec = Spec(height=height, width=width, image=4)
    geometry = Geometry(spec=spec, filters=filters)
    rng = np.random.default_rng(13)
    skeletons = [uniform(spec, rng), kind(spec, rng)]
    state = rng.integers(-128, 128, spec.lattice)
    slots, words = inputs(geometry, state)
    dut = SystolicArray(geometry, images(geometry, skeletons))
    got, latency = [], 46 + filters

    async def bench(ctx):
        idle = [{"valid": 0}] * (latency + geometry.words)
        for clock, slot in enumerate(slots + idle):
            ctx.set(dut.slot, slot)
            ctx.set(dut.word, words[min(clock, len(words) - 1)])
            if ctx.get(dut.valid):
                got.append((clock, ctx.get(dut.index), look(ctx, dut.codes)))
            await ctx.tick()

    simulate(dut, bench)

    after = np.array(naive.step(skeletons[1], state.tolist()))
    after = np.moveaxis(after, 0, -1).reshape(spec.cells, geometry.words, geometry.lanes)
    first = (width + 2) * geometry.slots - 1 + latency  # after the last slot of the first cell
    assert got == [
        (first + cell * geometry.slots + word, word, after[cell, word].tolist())
        for cell in range(spec.cells)
        for word in range(geometry.words)
    ]
    assert (after != np.moveaxis(state, 0, -1).reshape(after.shape)).any()
