"""The mixing column: a hidden code towards every channel, added to the lane before."""

import numpy as np
import pytest

from hw.array.mix import Mix
from hw.shapes import mix_sum
from tests.streams import late, piped

CHANNELS = 4


@pytest.mark.parametrize("lane", [0, 1, 4])
def test_adds_its_products_to_the_sums_of_the_lane_before(lane):
    rng = np.random.default_rng(4)
    hidden = np.concatenate([[0, 255, 255, 1], rng.integers(0, 256, 40)])
    weights = rng.choice([-128, -1, 0, 127], (len(hidden), CHANNELS))
    low, high = -lane * 128 * 255, lane * 127 * 255
    sums = rng.choice([low, high, 0], (len(hidden), CHANNELS)) if lane else 0 * weights

    behind = late(sums.tolist(), 5, [0] * CHANNELS)
    column = late(weights.tolist(), 1, [0] * CHANNELS)
    items = [
        {"hidden": int(h), "weights": w, "i_sums": s}
        for h, w, s in zip(hidden, column, behind, strict=True)
    ]
    got = piped(Mix(CHANNELS, lane=lane), items, ["o_sums"], latency=6)

    assert got[:-5] == (sums + hidden[:, None] * weights).tolist()[:-5]


def test_sums_have_no_bit_too_many():
    for lanes in (1, 2, 5, 80):
        low, high = -lanes * 128 * 255, lanes * 127 * 255
        bits = mix_sum(lanes).width
        assert -(1 << bits - 1) <= low and high < 1 << bits - 1
        assert low < -(1 << bits - 2)
