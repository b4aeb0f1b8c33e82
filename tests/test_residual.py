"""The residual: bias, cut towards zero, saturated addition to the state."""

import numpy as np
import pytest

from golden.fixed import STATE, UPDATE_BIAS, trunc_shift
from golden.spec import Spec
from hw.array.residual import Residual
from hw.shapes import Geometry, residual_row
from hw.skeleton_memory import pack
from tests.streams import late, piped

STATES = (-128, -127, -1, 0, 1, 126, 127)


def edges(bias, shift, low, high):
    """Totals around every limit: sign, first change, largest change, saturation of the state."""
    changes = (0, 1, 127, 128, 254, 255, 256, 511, 512)
    wanted = [
        sign * ((c << shift) + side) for c in changes for sign in (-1, 1) for side in (-1, 0, 1)
    ]
    totals = {min(max(acc - bias, low), high) for acc in wanted} | {low, high, 0}
    return sorted(totals)


@pytest.mark.parametrize("filters", [1, 2])
def test_equals_golden_twelve_clocks_on_a_channel_a_clock(filters):
    geometry = Geometry(spec=Spec(height=4, width=4, image=4), filters=filters)
    rng = np.random.default_rng(8)
    places = geometry.words * geometry.skeletons
    biases = rng.choice([UPDATE_BIAS.min, -1, 0, 1, UPDATE_BIAS.max, 123456, -654321], places)
    shifts = np.resize(np.arange(24), places)
    low, high = -80 * 128 * 255, 80 * 127 * 255
    cases = [
        (place, total, int(rng.choice(STATES)))
        for place in range(places)
        for total in edges(int(biases[place]), int(shifts[place]), low, high)
    ]
    rng.shuffle(cases)
    place, total, state = np.array(cases).T
    acc = total + biases[place]
    want = STATE.clamp(state + trunc_shift(acc, shifts[place])).tolist()

    rows = [
        pack(residual_row(), {"bias": int(b), "shift": int(n)})
        for b, n in zip(biases, shifts, strict=True)
    ]
    items = [
        {"total": int(t), "word": p % geometry.words, "skeleton": p // geometry.words, "state": s}
        for p, t, s in zip(place.tolist(), total, late(state.tolist(), 3, 0), strict=True)
    ]
    got = piped(Residual(geometry, rows), items, ["code"], latency=12)

    assert got[:-3] == want[:-3]


def test_a_change_below_one_moves_nothing_of_either_sign():
    geometry = Geometry(spec=Spec(height=4, width=4, image=4), filters=1)
    rows = [pack(residual_row(), {"bias": 0, "shift": 10})] * geometry.words * geometry.skeletons
    items = [{"total": total, "state": 5} for total in range(-1023, 1024, 62)]
    assert set(piped(Residual(geometry, rows), items, ["code"], latency=12)[2:]) == {5}
