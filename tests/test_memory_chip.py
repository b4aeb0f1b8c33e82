"""Samples on a chip: every code is compared, and one wrong code is named."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.errors import Difference
from sw.experiments.memory import damage
from sw.experiments.memory.catalogue import find_experiments
from sw.experiments.memory.chip import compare
from sw.experiments.memory.starts import noise
from tests.memory_toys import real


class Chip(GoldenDevice):
    """A chip of two contexts; it flips one bit of what is read of one lattice at one step."""

    wrong = None

    def __init__(self, skeleton):
        super().__init__((skeleton,), contexts=2)
        self.batch = -1

    def load_states(self, states, step):
        self.batch += 1
        super().load_states(states, step)

    def read_states(self):
        states = super().read_states()
        if (self.batch, self._step) == self.wrong:
            states[1, 2, 4, 5] ^= 1
        return states


def test_compare_counts_what_it_compares_and_runs_the_chip():
    opened = []

    def chip(skeleton):
        opened.append(Chip(skeleton))
        return opened[-1]

    task = real(2, chip=chip)
    states = noise(task.machine.spec, 5, 0)
    lost = np.random.default_rng(1).random((5, 64)) < 0.3
    found = compare(task, states, (1, 4, 9), {3: lost})
    assert found == {"lattices": 5, "steps": 9, "codes_equal": 4 * 5 * 4 * 64}
    (device,) = opened
    assert device.batch == 2 and device._step == 9  # three batches of two contexts
    assert compare(replace(task, chip=None), states, (1,)) is None


@pytest.mark.parametrize("step", [1, 3, 9])
def test_compare_names_the_one_code_that_differs(monkeypatch, step):
    monkeypatch.setattr(Chip, "wrong", (1, step))
    task = real(2, chip=Chip)
    states, lost = noise(task.machine.spec, 5, 0), np.zeros((5, 64), bool)
    line = rf"^lattice 3, step {step}: channel 2, cell \(4, 5\) is -?\d+, golden has -?\d+; 1 code"
    with pytest.raises(Difference, match=line):
        compare(task, states, (1, 9), {3: lost})


def test_a_chip_without_the_gate_or_the_strike_is_found_out():
    class Ungated(Chip):
        def write_deltas(self, indices, deltas):
            pass

    class Whole(Chip):
        def zero_cells(self, cells):
            pass

    lost = np.zeros((2, 64), bool)
    lost[:, 7] = True
    for kind, place in ((Ungated, "lattice 0, step 2: channel 1"), (Whole, "lattice 0, step 3")):
        task = real(2, chip=kind)
        states = noise(task.machine.spec, 2, 0)
        with pytest.raises(Difference, match=f"^{place}"):
            compare(task, states, (1, 2, 4), {3: lost} if kind is Whole else {})


class Memory(Chip):
    """A chip whose memory can be reached; without a gate no delta is ever pending."""

    def stored_states(self):
        return self._states.copy()

    def store_states(self, states):
        self._states = states


def test_faults_on_the_chip_are_compared_code_by_code(monkeypatch):
    monkeypatch.setattr(damage, "RATES", (0.01,))
    monkeypatch.setattr(damage, "DEAD", (2,))
    task = real(2, chip=Memory)
    task = replace(task, network=None)
    found = damage.on_chip(task)
    assert found == {"lattices": 2, "faults": 6, "codes_equal": 6 * 4 * 2 * 4 * 64}
    assert damage.measure(task).results["chip"] == found
    monkeypatch.setattr(Chip, "wrong", (3, 2))
    line = r"^channel 2, lattice 1, step 2: channel 2, cell \(4, 5\) is "
    with pytest.raises(Difference, match=line):
        damage.on_chip(task)


class Pending(Chip):
    """A chip whose deltas stay pending until the next step or the next look, as in hardware."""

    pending = None

    def load_states(self, states, step):
        super().load_states(states, step)
        self.pending = None

    def write_deltas(self, indices, deltas):
        assert indices.tolist() == list(range(len(self._states)))
        self.pending = deltas

    def settle(self):
        if self.pending is not None:
            self._model.add_deltas(self._states, self.pending, self._step)
        self.pending = None

    def start(self, steps, *, gated=True):
        self.settle()
        super().start(steps, gated=gated)

    def planes(self):
        if self._step < self._end:
            self.settle()
        return super().planes()

    def read_states(self):
        stored, pending = self._states.copy(), self.pending
        self.settle()
        states = super().read_states()
        self._states, self.pending = stored, pending
        return states

    def zero_cells(self, cells):
        self.settle()
        super().zero_cells(cells)

    def stored_states(self):
        return self._states.copy()

    def store_states(self, states):
        self._states = states.copy()


def test_faults_on_a_gated_chip_act_before_the_pending_delta(monkeypatch):
    monkeypatch.setattr(damage, "RATES", (0.01,))
    monkeypatch.setattr(damage, "DEAD", (2,))
    opened, task = [], real(3)

    def chip(skeleton):
        opened.append(Pending(skeleton))
        return opened[-1]

    found = damage.on_chip(replace(task, chip=chip))
    assert found == {"lattices": 2, "faults": 6, "codes_equal": 6 * 4 * 2 * 4 * 64}
    assert opened[0].batch == 5 and opened[0].skeletons == (task.skeleton,)

    class Whole(Pending):
        def store_states(self, states):
            pass

    with pytest.raises(Difference, match=r"^flips 0\.01, lattice 0, step 1: "):
        damage.on_chip(replace(task, chip=Whole))


@pytest.mark.parametrize("gated", [True, False])
def test_the_chip_runs_with_the_gate_only_where_the_task_has_one(gated):
    started, chosen, task = [], [], real(2)

    class Watched(Pending):
        def choose(self, index):
            chosen.append(index)
            super().choose(index)

        def start(self, steps, *, gated=True):
            started.append(gated)
            super().start(steps, gated=gated)

    task = replace(task, chip=Watched, network=task.network if gated else None)
    states = noise(task.machine.spec, 3, 0)
    assert compare(task, states, (1, 4))["codes_equal"] == 2 * 3 * 4 * 64
    assert started == [gated] * 4  # two batches, to either look
    assert chosen == [0]
    started.clear()
    chosen.clear()
    found = damage.on_chip(task)
    assert found["lattices"] == 2
    assert started == [gated] * found["faults"] * task.machine.spec.steps
    assert chosen == [0]


EXPERIMENTS = {"falling": (2, 31), "holding": (2, 5), "valleys": (5, 3), "landscape": (5, 3)}
"""Lattices on the chip, and steps after which they are compared, the strike's among them."""


@pytest.fixture
def measure(monkeypatch):
    """Run an experiment, small, with this chip; return what it says of the chip."""
    task = real(4, noise=5)
    monkeypatch.setattr(
        "sw.experiments.memory.holding.load_run", lambda name: (task.skeleton, task.network)
    )
    sizes = {
        "landscape": {"GRID": 5, "PATH": 5, "HELD": 20, "STEPS": 20},
        "valleys": {"LIMIT": 20, "EARLY": 10, "LATE": 20, "SHAKES": (), "TOUCH": 12},
    }
    for name, values in sizes.items():
        for key, value in values.items():
            monkeypatch.setattr(f"sw.experiments.memory.{name}.{key}", value)

    def call(name, chip):
        return find_experiments([name])[0].measure(replace(task, chip=chip))[0]["chip"]

    return call


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_compares_its_sample_with_the_chip(measure, name):
    found, (lattices, looks) = measure(name, Chip), EXPERIMENTS[name]
    for each in found.values() if name == "falling" else [found]:
        assert each["lattices"] == lattices
        assert each["codes_equal"] == lattices * looks * 4 * 64


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_fails_on_one_wrong_code_of_the_chip(measure, monkeypatch, name):
    monkeypatch.setattr(Chip, "wrong", (0, 10))
    with pytest.raises(Difference, match=r"^lattice 1, step 10: channel 2, cell \(4, 5\) is "):
        measure(name, Chip)
