"""Random skeletons, gates and states: each number from its whole range, and codes that spread."""

import numpy as np
import pytest

from golden.exact import tensor
from golden.fixed import GATE_HIDDEN
from golden.gate import Linear
from golden.model import Model
from golden.samples import adversarial_states, calibrated, draw, extreme, network, uniform
from golden.skeleton import LAYERS, ranges
from golden.spec import Gate, Spec

SPEC = Spec(height=8, width=6, image=4, gate=Gate(input_channel=0, output_channel=1, start=1))


def rng():
    return np.random.default_rng(0)


def test_both_ends_of_a_range_are_drawn():
    found = draw(rng(), range(-2, 3), (7, 30))
    assert found.shape == (7, 30) and set(found.flat) == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("layer", LAYERS)
def test_uniform_skeletons_have_numbers_from_all_over_their_ranges(layer):
    drawn = [getattr(uniform(Spec(), np.random.default_rng(seed)), layer) for seed in range(16)]
    for part, allowed in ranges(layer).items():
        codes = np.concatenate([np.ravel(getattr(each, part)) for each in drawn])
        size = allowed[-1] - allowed[0]
        assert codes.min() - allowed[0] <= 0.2 * size and allowed[-1] - codes.max() <= 0.2 * size
        middle = (allowed[-1] + allowed[0]) / 2
        assert 0.3 <= np.mean(codes > middle) <= 0.8


@pytest.mark.parametrize("layer", LAYERS)
def test_extreme_skeletons_have_ends_and_every_shift(layer):
    drawn = [getattr(extreme(Spec(), np.random.default_rng(seed)), layer) for seed in range(9)]
    allowed = ranges(layer)
    for part in ("weight", "bias"):
        codes = {int(code) for each in drawn for code in np.ravel(getattr(each, part))}
        assert codes == {allowed[part][0], allowed[part][-1]}
    for each in drawn:
        shifts = np.ravel(each.shift)
        count = min(len(shifts), len(allowed["shift"]))
        assert len(set(shifts)) == count, "none comes again before all have come"
    shifts = {int(shift) for each in drawn for shift in np.ravel(each.shift)}
    assert min(shifts) <= 3 and max(shifts) >= allowed["shift"][-1] - 3


def test_kinds_of_skeletons_have_their_names():
    assert [make(SPEC, rng()).name for make in (uniform, extreme, calibrated)] == [
        "uniform",
        "extreme",
        "calibrated",
    ]


BOUNDS = {
    "encode": {"weight": (-128, 127), "bias": (-8000, 8000), "shift": (7, 8)},
    "perceive": {"weight": (-128, 127), "bias": (-3000, 3000), "shift": (7, 8)},
    "update": {"weight": (-128, 127), "bias": (-60_000, 60_000), "shift": (12, 15)},
    "readout": {"weight": (-128, 127), "bias": (0, 39_999), "shift": (7, 7)},
    "hidden": {"weight": (-127, 127), "bias": (-20_000, 20_000), "shift": (10, 12)},
    "output": {"weight": (-127, 127), "bias": (-8192, 8191), "shift": (9, 11)},
}
"""Between which numbers calibrated skeletons, and gates, are drawn."""


@pytest.mark.parametrize("layer", BOUNDS)
def test_calibrated_numbers_are_drawn_between_bounds(layer):
    make = calibrated if layer in LAYERS else network
    drawn = [getattr(make(SPEC, np.random.default_rng(seed)), layer) for seed in range(20)]
    for part, (low, high) in BOUNDS[layer].items():
        codes = np.concatenate([np.ravel(getattr(each, part)) for each in drawn]).astype(int)
        slack = (high - low) // 8
        assert low <= codes.min() <= low + slack
        assert high - slack <= codes.max() <= high


def test_a_gate_has_1024_units_of_the_types_of_its_file():
    gate = network(SPEC, rng())
    shapes = [getattr(gate.hidden, part).shape for part in ("weight", "bias", "shift")]
    assert shapes == [(1024, 48), (1024,), (1024,)]
    assert gate.output.weight.shape == (12, 1024)
    for layer in (gate.hidden, gate.output):
        assert (layer.weight.dtype, layer.bias.dtype, layer.shift.dtype) == ("i1", "i4", "u1")


def between(codes, low, high):
    """The share of codes that are at neither end."""
    codes = np.asarray(codes)
    return np.mean((codes > low) & (codes < high))


def test_codes_of_calibrated_skeletons_and_gates_spread_over_their_ranges():
    skeleton, spec = calibrated(Spec(), rng()), Spec()
    model = Model(skeleton)
    states = model.encode(rng().integers(0, 256, (4, 28, 28), np.uint8))
    assert between(states, -128, 127) > 0.5
    states = model.step(states, 3)
    assert between(model.readout(states), 0, 255) > 0.2
    gate = network(spec, rng())
    planes = rng().integers(-128, 128, (9, spec.cells), np.int8)
    hidden = Linear(gate.hidden, GATE_HIDDEN)(tensor(planes))
    assert between(hidden, 0, 127) > 0.3
    assert between(gate.deltas(planes), -128, 127) > 0.5


def test_adversarial_states_are_full_chequered_and_lit_in_one_corner():
    shape = (16, 8, 6)
    y, x = np.indices((8, 6))
    wanted = [np.full(shape, -128), np.full(shape, 127)]
    wanted += [np.broadcast_to(np.where((y + x) % 2, 127, -128), shape)]
    for place in ((0, 0), (0, 5), (7, 0), (7, 5)):
        lit = np.zeros(shape, int)
        lit[:, place[0], place[1]] = 127
        wanted.append(lit)
    found = adversarial_states(SPEC)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, np.stack(wanted))
