"""Layers of constants against golden: rounding, saturation, the cut towards zero."""

import numpy as np
import pytest

from golden.fixed import BIAS, HIDDEN, PIXEL, STATE, UPDATE_BIAS, round_shift, trunc_shift
from golden.skeleton import Layer
from hw.hardwired.constants import Constants
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.update import ConstantUpdate
from tests.streams import late, piped

pytest.importorskip("da4ml")

BIASES = np.array([BIAS.min, -4097, -1, 0, 1, 2048, 70_000, BIAS.max])


@pytest.mark.parametrize("to", [STATE, HIDDEN], ids=["signed", "unsigned"])
def test_every_pixel_has_its_code_for_every_shift(to):
    rng = np.random.default_rng(4)
    shift = np.repeat(np.arange(16), len(BIASES))
    bias = np.tile(BIASES, 16)
    weight = rng.choice([-128, -77, -1, 0, 1, 3, 127], (len(shift), 1))
    layer = ConstantLayer(Constants.of(Layer(weight, bias, shift), PIXEL), to=to)
    pixels = np.arange(256)
    got = piped(
        layer, [{"i": [p]} for p in pixels.tolist()], ["o"], latency=layer.constants.graph.depth + 2
    )
    np.testing.assert_array_equal(
        got, to.clamp(round_shift(pixels[:, None] * weight.T + bias, shift))
    )


def test_nine_taps_make_hidden_codes():
    rng = np.random.default_rng(5)
    weight, shift = rng.integers(-128, 128, (5, 9)), np.array([0, 4, 7, 8, 15])
    bias = np.array([-300, 5000, 0, -70_000, BIAS.max])
    layer = ConstantLayer(Constants.of(Layer(weight, bias, shift), STATE), to=HIDDEN)
    ends = np.where(weight > 0, 127, -128)
    taps = np.concatenate([ends, -1 - ends, rng.integers(-128, 128, (80, 9))])
    got = piped(
        layer, [{"i": row} for row in taps.tolist()], ["o"], latency=layer.constants.graph.depth + 2
    )
    np.testing.assert_array_equal(got, HIDDEN.clamp(round_shift(taps @ weight.T + bias, shift)))


def codes_of(layer, items):
    """Return what a layer makes of a vector of codes in each clock."""
    latency = layer.constants.graph.depth + 2
    return piped(layer, [{"i": item} for item in items], ["o"], latency=latency)


def update_of(weight, bias, shift, hidden, states):
    """Return what an update makes of hidden codes and states, one of each in a clock."""
    constants = Constants.of(Layer(weight, bias, shift), HIDDEN)
    update, latency = ConstantUpdate(constants), constants.graph.depth + 4
    behind = latency - 2
    states_late = late(states.tolist(), behind, [0] * len(bias))
    items = [{"hidden": h, "state": s} for h, s in zip(hidden.tolist(), states_late, strict=True)]
    got = piped(update, items, ["o"], latency=latency)
    return np.array(got)[: len(got) - behind]


@pytest.mark.parametrize("shifts", [range(12), range(12, 24)], ids=["small", "large"])
def test_changes_are_cut_towards_zero_and_states_saturate(shifts):
    rng = np.random.default_rng(6)
    shift, filters = np.array(shifts), 8
    weight = rng.integers(-128, 128, (len(shift), filters))
    bias = rng.choice([UPDATE_BIAS.min, -5000, -1, 0, 1, 5000, UPDATE_BIAS.max], len(shift))
    hidden = np.concatenate([
        np.where(weight > 0, 255, 0), np.where(weight < 0, 255, 0), rng.integers(0, 256, (60, 8)),
    ])  # fmt: skip
    states = rng.choice([-128, -127, -1, 0, 1, 126, 127], (len(hidden), len(shift)))
    got = update_of(weight, bias, shift, hidden, states)
    want = STATE.clamp(states + trunc_shift(hidden @ weight.T + bias, shift))
    np.testing.assert_array_equal(got, want[: len(got)])


def test_a_change_below_one_moves_nothing_of_either_sign():
    weight, shift = np.array([[1, -1], [-1, 1]]), np.array([8, 8])
    hidden = np.array([[code, 0] for code in range(256)] + [[0, code] for code in range(256)])
    got = update_of(weight, np.array([0, 0]), shift, hidden, np.full(hidden.shape, 5))
    assert set(got.ravel().tolist()) == {5}
