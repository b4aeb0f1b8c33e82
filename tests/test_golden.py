"""The reference model against the naive one, every code; and against vectors of another origin."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from golden import fixed, naive
from golden.device import GoldenDevice, restore, run, trace
from golden.gate import GateNetwork
from golden.model import BLOCK, Model
from golden.samples import adversarial_states, calibrated, extreme, network, uniform
from golden.skeleton import Skeleton
from golden.spec import BOUNDARIES, Gate, Spec

VECTORS = Path(__file__).parent / "vectors"
KINDS = (uniform, extreme, calibrated)

GATES = {
    "nearest2": Gate(input_channel=0, output_channel=1, start=2),
    "phase4": Gate(input_channel=5, output_channel=5, start=1, every=2, mapping="phase4"),
}


def small(boundary="zero", gate=None, **values):
    sizes = {"height": 8, "width": 6, "channels": 6, "multiplier": 3, "image": 4} | values
    return Spec(**sizes, boundary=boundary, gate=gate)


def states_for(spec, rng, count=2):
    """Adversarial states and random ones."""
    random = rng.integers(-128, 128, (count, *spec.lattice), np.int8)
    return np.concatenate([adversarial_states(spec), random])


def naive_states(skeleton, states, steps, gate=None):
    """Every state of a run, from one state after step 0; gate is its network."""
    spec, state, found = skeleton.spec, states.tolist(), [states]
    for t in range(1, steps + 1):
        state = naive.step(skeleton, state)
        if gate is not None and spec.gate.is_open(t):
            plane = [code for row in state[spec.gate.input_channel] for code in row]
            hidden = naive.gate_layer(gate.hidden, plane, 0, 127)
            delta = naive.gate_layer(gate.output, hidden, -128, 127)
            state = naive.add_delta(skeleton, state, delta, t)
        found.append(np.array(state, np.int8))
    return np.stack(found)


@pytest.mark.parametrize("shift", range(24))
def test_shifts_equal_their_definition(shift):
    edges = [-(1 << 24), -(1 << 23) - 1, -(1 << shift), -1, 0, 1, (1 << shift) - 1, (1 << 24) - 1]
    acc = np.array([*edges, *(np.arange(-9, 10) << shift >> 1)])
    assert fixed.round_shift(acc, shift).tolist() == [
        (a + (1 << shift >> 1)) // (1 << shift) for a in acc.tolist()
    ]
    assert fixed.trunc_shift(acc, shift).tolist() == [
        abs(a) // (1 << shift) * (1 if a > 0 else -1) for a in acc.tolist()
    ]
    assert fixed.round_shift(acc, shift).tolist() == [
        naive.round_shift(a, shift) for a in acc.tolist()
    ]
    assert fixed.trunc_shift(acc, shift).tolist() == [
        naive.trunc_shift(a, shift) for a in acc.tolist()
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_steps_equal_naive_on_small_lattices(kind, boundary):
    rng = np.random.default_rng(1)
    for _ in range(3):
        skeleton = kind(small(boundary), rng)
        states = states_for(skeleton.spec, rng)
        got = trace(loaded(GoldenDevice((skeleton,)), states), None, 4)
        for state, found in zip(states, got, strict=True):
            np.testing.assert_array_equal(found, naive_states(skeleton, state, 4))


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_a_batch_of_any_size_steps_as_its_lattices_alone(count):
    rng = np.random.default_rng(count)
    model = Model(calibrated(small(), rng))
    states = rng.integers(-128, 128, (count, *model.spec.lattice), np.int8)
    got = model.step(states, 2)
    assert got.shape == states.shape
    for state, found in zip(states, got, strict=True):
        np.testing.assert_array_equal(found, model.step(state[None], 2)[0])


@pytest.mark.parametrize("multiplier", range(1, 9))
def test_steps_equal_naive_for_every_multiplier(multiplier):
    rng = np.random.default_rng(multiplier)
    skeleton = extreme(small(multiplier=multiplier, channels=16, height=4, width=4, image=2), rng)
    states = states_for(skeleton.spec, rng, count=4)
    got = Model(skeleton).step(states)
    for state, found in zip(states, got, strict=True):
        np.testing.assert_array_equal(found, naive.step(skeleton, state.tolist()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_full_lattice_equals_naive(kind, boundary):
    rng = np.random.default_rng(2)
    skeleton = kind(Spec(boundary=boundary), rng)
    state = rng.integers(-128, 128, (1, *skeleton.spec.lattice), np.int8)
    got = Model(skeleton).step(state)[0]
    np.testing.assert_array_equal(got, naive.step(skeleton, state[0].tolist()))


def test_largest_update_sums_are_exact():
    """Bias, products and half a step at their ends: where float32 would round first."""
    rng = np.random.default_rng(3)
    for shift in range(24):
        skeleton = extreme(Spec(height=4, width=4, image=2), rng)
        skeleton.update.shift[:] = shift
        skeleton.update.weight[::2] = 127
        skeleton.update.weight[1::2] = -128
        skeleton.perceive.bias[:] = (1 << 19) - 1  # every hidden code is large
        states = states_for(skeleton.spec, rng)[::3]
        got = Model(skeleton).step(states)
        for state, found in zip(states, got, strict=True):
            np.testing.assert_array_equal(found, naive.step(skeleton, state.tolist()))


@pytest.mark.parametrize("kind", KINDS)
def test_encode_and_readout_equal_naive(kind):
    rng = np.random.default_rng(4)
    skeleton = kind(Spec(), rng)
    images = rng.integers(0, 256, (3, 28, 28), np.uint8)
    images[0], images[1] = 0, 255
    model = Model(skeleton)
    states = model.encode(images)
    for image, state in zip(images, states, strict=True):
        np.testing.assert_array_equal(state, naive.encode(skeleton, image.tolist()))
    states = states_for(skeleton.spec, rng)
    for state, shown in zip(states, model.readout(states), strict=True):
        np.testing.assert_array_equal(shown, naive.readout(skeleton, state.tolist()))


@pytest.mark.parametrize("mapping", GATES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_gated_runs_equal_naive(mapping, boundary):
    rng = np.random.default_rng(5)
    spec = small(boundary, GATES[mapping])
    for kind in KINDS:
        skeleton, gate = kind(spec, rng), network(spec, rng)
        states = states_for(spec, rng)[[0, 1, 2, -1]]
        got = trace(loaded(GoldenDevice((skeleton,)), states), gate, 9)
        for state, found in zip(states, got, strict=True):
            np.testing.assert_array_equal(found, naive_states(skeleton, state, 9, gate))


def test_gate_is_exact_at_its_ends_in_any_order_of_summation():
    spec, rng = Spec(gate=GATES["nearest2"]), np.random.default_rng(6)
    gate = network(spec, rng)
    weight = np.where(np.arange(16)[:, None] % 2, 127, -127) * np.ones((1, 1024), int)
    for shift in range(24):
        layer = type(gate.hidden)(
            weight.astype(np.int8),
            np.repeat(np.array([-(1 << 17), (1 << 17) - 1], np.int32), 8),
            np.full(16, shift, np.uint8),
        )
        planes = np.stack([np.full(1024, c) for c in (-128, 127, 0)]).astype(np.int8)
        planes = np.concatenate([planes, rng.integers(-128, 128, (2, 1024), np.int8)])
        extreme_gate = GateNetwork(layer, gate.output)
        got = extreme_gate.layers[0](torch.from_numpy(planes).float()).numpy()
        for plane, found in zip(planes, got, strict=True):
            assert found.tolist() == naive.gate_layer(layer, plane.tolist(), 0, 127)


def loaded(device, states, step=0):
    device.choose(0)
    device.load_states(states, step)
    return device


@pytest.mark.parametrize("mapping", GATES)
def test_a_resumed_run_goes_on_counting_steps(mapping):
    rng = np.random.default_rng(7)
    spec = small(gate=GATES[mapping])
    skeleton, gate = calibrated(spec, rng), network(spec, rng)
    states = states_for(spec, rng)
    device = GoldenDevice((skeleton,))
    whole = trace(loaded(device, states), gate, 13)
    for first in range(14):
        loaded(device, states)
        run(device, gate, first)
        halfway = device.read_states()
        run(device, gate, 13 - first)
        np.testing.assert_array_equal(device.read_states(), whole[:, 13])
        run(loaded(device, halfway, first), gate, 13 - first)
        np.testing.assert_array_equal(device.read_states(), whole[:, 13])


def test_an_ungated_run_leaves_the_gate_shut():
    rng = np.random.default_rng(8)
    skeleton = calibrated(small(gate=GATES["nearest2"]), rng)
    states = states_for(skeleton.spec, rng)
    got = trace(loaded(GoldenDevice((skeleton,)), states), None, 4)
    np.testing.assert_array_equal(got[0], naive_states(skeleton, states[0], 4))


def test_restore_takes_any_number_of_images():
    rng = np.random.default_rng(9)
    spec = small(gate=GATES["phase4"])
    skeleton, gate = calibrated(spec, rng), network(spec, rng)
    images = rng.integers(0, 256, (7, 4, 4), np.uint8)
    done = []
    got = restore(GoldenDevice((skeleton,), contexts=3), gate, images, 5, done.append)
    want = restore(GoldenDevice((skeleton,)), gate, images, 5)
    np.testing.assert_array_equal(got, want)
    assert done == [3, 3, 1]


def test_zeroed_cells_lose_every_channel():
    rng = np.random.default_rng(10)
    skeleton = calibrated(small(), rng)
    states = states_for(skeleton.spec, rng)
    device = loaded(GoldenDevice((skeleton,)), states)
    cells = rng.random((len(states), skeleton.spec.cells)) < 0.3
    device.zero_cells(cells)
    want = np.where(cells.reshape(-1, 1, 8, 6), 0, states)
    np.testing.assert_array_equal(device.read_states(), want)


def test_several_skeletons_are_chosen_per_run():
    rng = np.random.default_rng(11)
    skeletons = tuple(calibrated(small(), rng) for _ in range(3))
    device, states = GoldenDevice(skeletons), states_for(skeletons[0].spec, rng)
    for index, skeleton in enumerate(skeletons):
        device.choose(index)
        device.load_states(states, 0)
        run(device, None, 2)
        np.testing.assert_array_equal(device.read_states(), Model(skeleton).step(states, 2))


@pytest.mark.parametrize("case", sorted(p.name for p in VECTORS.iterdir()))
def test_reference_vectors_agree(case):
    """They were computed by another implementation of the arithmetic."""
    folder = VECTORS / case
    want = json.loads((folder / "expected.json").read_text())
    skeleton, file = Skeleton.load(folder), folder / "gate.safetensors"
    gate = GateNetwork.load(file) if file.exists() else None
    device = GoldenDevice((skeleton,))
    device.choose(0)
    device.load_images(np.load(folder / "image.npy"))
    states = trace(device, gate, want["steps"])[0]
    assert [hashlib.sha256(state.tobytes()).hexdigest() for state in states] == want[
        "states_sha256"
    ]
    restored = device.read_images()[0]
    assert hashlib.sha256(restored.tobytes()).hexdigest() == want["restored_sha256"]
    assert skeleton.digest == want["skeleton_digest"]


def test_calibrated_codes_spread_over_their_range():
    rng = np.random.default_rng(12)
    skeleton = calibrated(Spec(), rng)
    states = Model(skeleton).encode(rng.integers(0, 256, (4, 28, 28), np.uint8))
    states = Model(skeleton).step(states, 3)
    assert np.mean(np.abs(states.astype(int)) < 127) > 0.3


def test_openings_are_counted_as_they_come():
    for start, every, begin, end in itertools.product((1, 4), (1, 3), range(9), range(14)):
        gate = Gate(input_channel=0, output_channel=1, start=start, every=every)
        want = sum(map(gate.is_open, range(begin + 1, end + 1)))
        assert gate.openings(begin, end) == want
