"""A lane: a filter from the skeleton memory, computed and mixed into every channel."""

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


@pytest.mark.parametrize(("filters", "index"), [(1, 0), (2, 1), (5, 3)])
def test_mixes_its_filter_into_every_channel_27_clocks_on(filters, index):
    geometry = Geometry(spec=SPEC, filters=filters)
    rng = np.random.default_rng(10)
    skeletons = [uniform(SPEC, rng), calibrated(SPEC, rng)]
    memories = images(geometry, skeletons)
    lane = Lane(geometry, index, perceive=memories[f"perceive{index}"], mix=memories[f"mix{index}"])
    slots, count = rng.permutation(np.tile(np.arange(geometry.slots), 2)), 2 * geometry.slots
    chosen = rng.integers(0, 2, count)
    taps = rng.integers(-128, 128, (count, 9))
    low, high = -index * 128 * 255, index * 127 * 255
    sums = rng.integers(low, high + 1, (count, 16))

    want = []
    for slot, which, samples, before in zip(slots.tolist(), chosen, taps, sums, strict=True):
        perceive, update = skeletons[which].perceive, skeletons[which].update
        k = filter_at(geometry, slot, index)
        acc = (perceive.weight[k].ravel() * samples).sum() + perceive.bias[k]
        hidden = HIDDEN.clamp(round_shift(max(acc, 0), perceive.shift[k]))
        want.append((before + update.weight[:, k] * hidden).tolist())

    trains = [late(taps[:, tap].tolist(), 3 + 8 - tap, 0) for tap in range(9)]
    behind = late(sums.tolist(), 26, [0] * 16)
    items = [
        {
            "i_address": {"slot": int(slots[k]), "skeleton": int(chosen[k])},
            "i_taps": [train[k] for train in trains],
            "i_sums": behind[k],
        }
        for k in range(count)
    ]
    got = piped(lane, items, ["o_sums"], latency=27)
    assert got[:-26] == want[:-26] and len(got) > 30


def test_hands_address_and_taps_on_a_clock_later():
    geometry = Geometry(spec=SPEC, filters=5)
    memories = images(geometry, ())
    lane = Lane(geometry, 0, perceive=memories["perceive0"], mix=memories["mix0"])
    items = [
        {"i_address": {"slot": k, "skeleton": k % 4}, "i_taps": [k + tap for tap in range(9)]}
        for k in range(16)
    ]
    got = piped(lane, items, ["o_address", "o_taps"], latency=1)
    assert [taps for _, taps in got] == [item["i_taps"] for item in items]
    assert [(a["slot"], a["skeleton"]) for a, _ in got] == [(k, k % 4) for k in range(16)]
