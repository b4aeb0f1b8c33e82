"""The mixing column: a hidden code towards every channel, added to the column before."""

import numpy as np
import pytest

from hw.array.mix import Mix
from hw.array.pe import operand
from hw.shapes import mix_sum
from tests.streams import late, piped


@pytest.mark.parametrize("channels", [4, 8, 16])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_adds_its_products_to_the_sums_of_the_column_before(before, channels):
    rng = np.random.default_rng(4)
    hidden = np.concatenate([[0, 255, 255, 1], rng.integers(0, 256, 40)])
    weights = rng.choice([-128, -1, 0, 127], (len(hidden), channels))
    low, high = -before * 128 * 255, before * 127 * 255
    sums = rng.choice([low, high, 0], (len(hidden), channels)) if before else 0 * weights

    behind = late(sums.tolist(), 7, [0] * channels)
    column = late(weights.tolist(), 1, [0] * channels)
    items = [
        {
            "hidden": int(h),
            "operands": [operand(pair) for pair in zip(w[::2], w[1::2], strict=True)],
            "i_sums": s,
        }
        for h, w, s in zip(hidden, column, behind, strict=True)
    ]
    got = piped(Mix(channels, before=before), items, ["o_sums"], latency=8)

    assert got[:-7] == (sums + hidden[:, None] * weights).tolist()[:-7]


def test_sums_have_no_bit_too_many():
    for lanes in (1, 2, 5, 80):
        low, high = -lanes * 128 * 255, lanes * 127 * 255
        bits = mix_sum(lanes).width
        assert -(1 << bits - 1) <= low and high < 1 << bits - 1
        assert low < -(1 << bits - 2)
