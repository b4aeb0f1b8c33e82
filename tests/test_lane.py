"""A lane: filters from the skeleton memory, computed and mixed into every channel."""

import numpy as np
import pytest

from golden.fixed import HIDDEN, round_shift
from golden.samples import calibrated, uniform
from golden.spec import Spec
from hw.array.lane import Lane
from hw.shapes import Geometry
from hw.skeleton_memory import filter_at, images
from tests.streams import late, piped

SPEC = Spec(height=4, width=4, image=4)


@pytest.mark.parametrize(
    ("filters", "index", "columns"), [(1, 0, 1), (2, 0, 2), (5, 1, 2), (5, 2, 1), (10, 3, 2)]
)
def test_mixes_its_filters_into_every_channel_32_clocks_after_the_first(filters, index, columns):
    geometry = Geometry(spec=SPEC, filters=filters)
    rng = np.random.default_rng(10)
    skeletons = [uniform(SPEC, rng), calibrated(SPEC, rng)]
    memories = images(geometry, skeletons)
    lane = make_lane(geometry, index, memories)
    assert lane.filters == columns
    slots, count = rng.permutation(np.tile(np.arange(geometry.slots), 6)), 6 * geometry.slots
    chosen = rng.integers(0, 2, count)
    taps = rng.integers(-128, 128, (count, 9))
    low, high = -lane.before * 128 * 255, lane.before * 127 * 255
    sums = rng.integers(low, high + 1, (count, 16))

    want = []
    for slot, which, samples, before in zip(slots.tolist(), chosen, taps, sums, strict=True):
        perceive, update = skeletons[which].perceive, skeletons[which].update
        total = before
        for column in range(columns):
            k = filter_at(geometry, slot, index, column)
            if k is None:  # the channel has no more filters
                continue
            acc = (perceive.weight[k].ravel() * samples).sum() + perceive.bias[k]
            hidden = HIDDEN.clamp(round_shift(max(acc, 0), perceive.shift[k]))
            total = total + update.weight[:, k] * hidden
        want.append(total.tolist())

    trains = [late(taps[:, tap].tolist(), 4 + 8 - tap, 0) for tap in range(9)]
    behind = late(sums.tolist(), 31, [0] * 16)
    items = [
        {
            "i_address": {"slot": int(slots[k]), "skeleton": int(chosen[k])},
            "i_taps": [train[k] for train in trains],
            "i_sums": behind[k],
        }
        for k in range(count)
    ]
    got = piped(lane, items, ["o_sums"], latency=31 + columns)
    assert got[:-31] == want[:-31] and len(set(map(tuple, want[:-31]))) > 10


def make_lane(geometry, index, memories):
    columns = range(geometry.lane_filters[index])
    return Lane(
        geometry,
        index,
        perceive=memories[f"perceive{index}"],
        mix=[memories[f"mix{index}_{column}"] for column in columns],
    )


@pytest.mark.parametrize(("index", "clocks"), [(0, 2), (2, 1)])
def test_hands_address_and_taps_on_a_clock_later_for_each_filter(index, clocks):
    geometry = Geometry(spec=SPEC, filters=5)
    lane = make_lane(geometry, index, images(geometry, ()))
    items = [
        {"i_address": {"slot": k, "skeleton": k % 4}, "i_taps": [k + tap for tap in range(9)]}
        for k in range(16)
    ]
    got = piped(lane, items, ["o_address", "o_taps"], latency=clocks)
    assert [taps for _, taps in got] == [item["i_taps"] for item in items]
    assert [(a["slot"], a["skeleton"]) for a, _ in got] == [(k, k % 4) for k in range(16)]
