"""Sums of a chip in standard cells are as wide as its skeletons need, and no wider."""

import numpy as np
import pytest
from amaranth import Shape

from golden.samples import calibrated, extreme, uniform
from golden.spec import Spec
from hw.asic.ranges import fill, filter_sum, total_sum, update_sum
from hw.shapes import Geometry, interval
from hw.skeleton_memory import images, pitch_of

SPEC = Spec(height=4, width=4, channels=4, multiplier=5, image=4)
RNG = np.random.default_rng(0)
SKELETONS = {kind.__name__: kind(SPEC, RNG) for kind in (calibrated, uniform, extreme)}


def held(*skeletons, places=1):
    """Return a chip that holds skeletons, and its skeleton memory images."""
    geometry = Geometry(spec=SPEC, filters=1, contexts=1, skeletons=places)
    return geometry, images(geometry, skeletons)


def ends(weights, low, high):
    """Return the smallest and the largest sum of products with codes, of each row of weights."""
    products = np.stack([weights.astype(int) * low, weights.astype(int) * high])
    return products.min(axis=0).sum(axis=1), products.max(axis=0).sum(axis=1)


@pytest.mark.parametrize("name", SKELETONS)
def test_sums_hold_what_a_skeleton_can_reach_and_no_more(name):
    skeleton = SKELETONS[name]
    geometry, found = held(skeleton)
    perceive, update = skeleton.perceive, skeleton.update
    low, high = ends(perceive.weight.reshape(SPEC.filters, 9), -128, 127)
    assert filter_sum(found) == interval(
        int((low + perceive.bias).min()), int((high + perceive.bias).max())
    )
    low, high = ends(update.weight, 0, 255)
    assert total_sum(geometry, found) == interval(int(low.min()), int(high.max()))
    shape = interval(int((low + update.bias).min()), int((high + update.bias).max()))
    assert update_sum(geometry, found) == shape


def test_sums_hold_what_any_skeleton_of_the_chip_can_reach():
    geometry, found = held(SKELETONS["calibrated"], SKELETONS["extreme"], places=2)
    widths = [total_sum(*held(SKELETONS[name])).width for name in ("calibrated", "extreme")]
    assert total_sum(geometry, found).width == max(widths)


def test_sums_are_signed_where_nothing_is_below_zero():
    geometry, found = held(SKELETONS["calibrated"])
    nothing = {name: [0] * len(rows) for name, rows in found.items()}
    assert total_sum(geometry, nothing) == Shape(1, signed=True)


def test_rows_that_nobody_reads_are_copies():
    geometry, found = held(SKELETONS["calibrated"], SKELETONS["uniform"], places=2)
    rows, pitch = found["mix0_0"], pitch_of(geometry, "mix0_0")
    filled = fill(geometry, "mix0_0", rows)
    assert (geometry.slots, pitch) == (20, 32) and len(filled) == len(rows)
    for place in range(2):
        begin = place * pitch
        assert filled[begin : begin + 20] == rows[begin : begin + 20]
        for row in range(20, 32):
            assert filled[begin + row] == rows[begin + 16 + row % 4]
