"""Landscape and saliency on machines whose energies and gradients are known."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from golden.gate import GateNetwork
from golden.machine import Machine
from golden.samples import calibrated, network
from sw.experiments.memory import landscape, saliency
from sw.experiments.memory.energy import minima, plane_through, reach
from tests.memory_toys import GATE, REAL, SPEC, Toy, ToyTask, blanked, cool, cooled, digits, real


def far(ones, others):
    """Root mean square of the difference of each pair of lattices."""
    difference = ones.astype(float) - others
    return np.sqrt((difference**2).reshape(len(ones), -1).mean(axis=1))


def told(field):
    return {
        "lowest": round(float(field.min()), 3),
        "mean": round(float(field.mean()), 3),
        "highest": round(float(field.max()), 3),
        "minima": minima(field),
        "reach": reach(field),
    }


def read(states):
    shown = Toy.model.readout(states)
    return shown[:, 0, 0].astype(int) % 10, shown[:, 0, 1] / 100


def test_maps_and_paths_of_a_machine_that_cools(monkeypatch):
    sizes = {"DIGITS": 6, "GRID": 5, "HELD": 3, "STEPS": 4, "PATH": 7}
    for name, value in sizes.items():
        monkeypatch.setattr(landscape, name, value)
    fast = Toy(lambda codes: cool(cool(codes)))
    slow, gate = Toy(cool), object()
    machines = {(slow, None): fast}  # the rule alone is fast, with its gate it is the task's
    monkeypatch.setattr(landscape, "Machine", lambda *given: machines[given])
    task = ToyTask(slow, gate, digits(9))
    results, arrays = landscape.measure(task)

    ends = cooled(Toy.model.encode(blanked(task.digits.images[:6])), 3)
    plane = plane_through(ends)
    for axis, name in enumerate(("x", "y")):
        most = 1.25 * abs(plane.places[:, axis]).max()
        np.testing.assert_allclose(arrays[name], np.linspace(-most, most, 5))
    shares = [np.sum(part**2) for part in (plane.places, ends.astype(float) - plane.centre)]
    assert results["variance_on_the_plane"] == round(100 * shares[0] / shares[1], 2)
    assert (results["digits"], results["grid"], results["chip"]) == (6, 5, None)

    points = plane.lattices(arrays["x"], arrays["y"])
    walk = landscape.between(ends, *read(ends))
    for name, speed in (("rule", 2), ("rule and gate", 1)):
        to_end = far(points, cooled(points, 4 * speed)).reshape(5, 5)
        motion = far(points, cooled(points, speed)).reshape(5, 5)
        np.testing.assert_allclose(arrays[f"{name}: to end"], to_end, rtol=1e-6)
        np.testing.assert_allclose(arrays[f"{name}: motion"], motion, rtol=1e-6)
        found = results["maps"][name]
        for field, numbers in ((to_end, found["to_end"]), (motion, found["motion"])):
            for key, value in told(field).items():
                assert numbers[key] == pytest.approx(value, abs=2e-3), (name, key)
        digit, sure = read(cooled(points, 4 * speed))
        np.testing.assert_array_equal(arrays[f"{name}: digit"], digit.reshape(5, 5))
        assert found["read_surely"] == round(100 * np.mean(sure >= 0.9), 2)
        assert found["digits_read_surely"] == len({*digit[sure >= 0.9].tolist()})
        check_paths(results["paths"][name], walk, speed)


def check_paths(found, walk, speed):
    flat = walk.reshape(-1, *walk.shape[2:])
    digit, sure = (part.reshape(len(walk), 7) for part in read(cooled(flat, 4 * speed)))
    to_end = far(flat, cooled(flat, 4 * speed)).reshape(len(walk), 7)
    motion = far(flat, cooled(flat, speed)).reshape(len(walk), 7)
    keep = [
        d[0] != d[-1] and s[0] >= 0.9 and s[-1] >= 0.9 for d, s in zip(digit, sure, strict=True)
    ]
    over = [row.max() - max(row[0], row[-1]) for row in motion]
    assert found["paths"] == len(walk)
    changes = [sum(a != b for a, b in pairwise(row)) for row in digit]
    assert found["changes_of_digit"] == round(float(np.mean(changes)), 2)
    assert found["keep_both_ends"] == round(100 * sum(keep) / len(keep), 2)
    assert found["barrier_to_end"] == pytest.approx(np.mean(to_end.max(axis=1)), abs=1e-3)
    assert found["barrier_motion"] == pytest.approx(np.mean(over), abs=1e-3)


def test_only_sure_and_different_ends_are_kept():
    task = ToyTask(Toy(lambda codes: codes), None, digits(2))
    walk = np.zeros((4, landscape.PATH, *SPEC.lattice), np.int8)
    walk[:] = -128
    pixels = [(1, 95, 2, 95), (1, 95, 1, 95), (1, 95, 2, 80), (1, 80, 2, 95)]
    for path, (one, sure, other, surely) in zip(walk, pixels, strict=True):
        half = len(path) // 2
        path[:half, 0, 0, :2] = np.array([one, sure]) - 128
        path[half:, 0, 0, :2] = np.array([other, surely]) - 128
    found, _ = landscape.path_numbers(task, task.machine, walk)
    assert found["keep_both_ends"] == 25 and found["changes_of_digit"] == 0.75
    assert found["barrier_to_end"] == found["barrier_motion"] == 0


def test_a_barrier_rises_over_the_livelier_of_its_ends():
    """Codes above 50 lose 3 a step, above 20 they lose 1: motions 1, 3 and 0 along a path."""
    machine = Toy(lambda codes: codes - 3 * (codes > 50) - 1 * ((codes > 20) & (codes <= 50)))
    walk = np.zeros((3, landscape.PATH, *SPEC.lattice), np.int8)
    walk[0, :5], walk[0, 5:9] = 30, 100
    walk[1, :3], walk[1, -2:], walk[1, 9] = 100, 30, 110
    walk[2] = walk[0, ::-1]
    found, arrays = landscape.path_numbers(ToyTask(machine, None, digits(2)), machine, walk)
    assert arrays["path motion"][:, [0, 6, 9, -1]].tolist() == [
        [1, 3, 0, 0], [3, 0, 3, 1], [0, 0, 0, 1],
    ]  # fmt: skip
    assert found["barrier_motion"] == 1.333  # 3 - 1, 3 - 3 and 3 - 1, in the mean


class Sharp:
    """A referee whose evidence for digit 3 is the sum of what is shown.

    It reads a 5 where the first pixel is dark, which a nudge alone makes it.
    """

    @staticmethod
    def classifier(images):
        logits = torch.zeros(len(images), 10)
        logits[:, 3] = 255 * images.sum(dim=(1, 2, 3))
        logits[:, 5] = 1e6 * (images[:, 0, 0, 0] < 120 / 255)
        return logits


def test_a_gradient_is_that_of_the_evidence_by_a_code_of_the_plane():
    """The delta is the negated plane's, the machine keeps it, the read-out shows it."""

    class Plain:
        spec, period, gate = REAL, 1, None
        model = SimpleNamespace(
            step=lambda states: states.copy(),
            planes=lambda states: states[:, 2].reshape(len(states), -1),
            readout=lambda states: (states[:, 1, 1:-1, 1:-1].astype(int) + 128).astype(np.uint8),
            add_deltas=lambda states, deltas, step: states.__setitem__(
                (slice(None), 1), deltas.reshape(len(states), 8, 8)
            ),
        )

        def advance(self, states, step):
            return states

        def phase(self, step):
            return 0

    answers = SimpleNamespace(deltas=lambda planes: (-(planes.astype(int) // 2)).astype(np.int8))
    state = np.zeros(REAL.lattice, np.int8)
    state[2] = 8
    found = saliency.gradient(Plain(), answers, Sharp, state, 2, 4)
    assert found.shape == (4, 4)
    inner = np.array([[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]])  # pixels of a block
    np.testing.assert_allclose(found, -inner / 2, rtol=1e-4)


class Weighted:
    """A referee whose evidence for each digit is a weighted sum of what is shown."""

    weights = np.random.default_rng(5).integers(-9, 10, (10, 36))

    def classifier(self, images):
        return 255 * images.flatten(1).double() @ torch.from_numpy(self.weights).double().T

    def logits(self, shown):
        return self.weights @ shown.reshape(-1).astype(int)


@pytest.mark.parametrize(("mapping", "opening", "end"), [("nearest2", 2, 7), ("phase4", 5, 9)])
def test_a_gradient_is_the_difference_of_two_runs_that_are_nudged_at_one_opening(
    mapping, opening, end
):
    gate = replace(GATE, mapping=mapping)
    rng = np.random.default_rng(2)
    spec = replace(REAL, gate=gate)
    skeleton, answers = calibrated(spec, rng), network(spec, rng)
    machine = Machine(skeleton, answers)
    state = rng.integers(-128, 128, spec.lattice).astype(np.int8)
    found = saliency.gradient(machine, answers, Weighted(), state, opening, end)

    def logits(nudge):
        states = machine.model.step(state[None])
        plane = states[:, gate.input_channel].astype(int) + nudge
        codes = plane.clip(-128, 127).astype(np.int8).reshape(1, -1)
        machine.model.add_deltas(states, answers.deltas(codes), opening)
        for step in range(opening + 1, end + 1):
            states = machine.advance(states, step)
        return Weighted().logits(machine.model.readout(states))

    read = logits(0).argmax()
    for row in range(4):
        for column in range(4):
            nudge = np.zeros((8, 8), int)
            nudge[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 16
            want = (logits(nudge)[read] - logits(-nudge)[read]) / 32
            assert found[row, column] == pytest.approx(want, rel=1e-5, abs=1e-3)
    assert np.count_nonzero(found) > 2 and read != 0


def test_what_a_gate_looks_at_is_told_in_shares():
    task = SimpleNamespace(machine=SimpleNamespace(spec=REAL))
    shown = np.zeros((2, 6, 6), np.uint8)
    shown[0, 0, 0] = shown[1, 5, 5] = 64  # cells (1, 1) and (6, 6): blocks (0, 0) and (3, 3)
    shown[0, 3, 3] = 63
    maps = np.zeros((2, 4, 4))
    maps[0, 0, 0], maps[0, 2, 2], maps[1, 3, 3], maps[1, 0, 0] = -3, 2, 1.5, 3.5
    assert saliency.saliency_numbers(maps, shown, task) == {
        "strongest": 3.5,
        "weight_on_ink": 45.0,
        "blocks_with_ink": 6.25,
    }


def test_saliency_looks_at_the_first_and_the_last_opening(monkeypatch):
    asked = []

    def gradient(machine, network, referee, state, opening, end):
        asked.append((state.tobytes(), opening, end))
        return np.full((4, 4), len(asked))

    monkeypatch.setattr(saliency, "gradient", gradient)
    rng = np.random.default_rng(0)
    spec = type(REAL)(**{**vars(REAL), "steps": 9})
    task = real(4)
    task = type(task)(calibrated(spec, rng), network(spec, rng), task.digits)
    labels = np.array([7, 2, 7, 2])
    task = type(task)(task.skeleton, task.network, task.digits._replace(labels=labels))
    results, arrays = saliency.measure(task)
    states = task.machine.model.encode(blanked(task.digits.images))[[1, 0]]  # the first 2 and 7
    seen = {}
    for step in range(1, 10):
        seen[step - 1] = states
        states = task.machine.advance(states, step)
    openings = [step for step in range(1, 10) if GATE.is_open(step)]
    assert openings == [2, 5, 8]
    assert asked == [(s.tobytes(), step, 9) for step in (2, 8) for s in seen[step - 1]]
    np.testing.assert_array_equal(arrays["shown"], task.machine.model.readout(states))
    assert list(results["openings"]) == ["2", "8"] and results["digits"] == 2
    assert arrays["opening 8"][:, 0, 0].tolist() == [3, 4]
    assert isinstance(task.network, GateNetwork) and results["nudge"] == 16
