"""Cycles and rest on small automata whose every orbit is known, and on a small lattice."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import GoldenDevice, run
from golden.machine import Machine, find_resting, follow
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.experiments.memory.attractors import fall

GATE = Gate(input_channel=0, output_channel=1, start=3, every=2)


class Table:
    """An automaton of one cell: code c is followed by ``after[c]``."""

    period = 1

    def __init__(self, after):
        self.after = np.array(after, np.int8)

    def advance(self, states, step):
        return self.after[states]

    def phase(self, step):
        return 0


class Pulse(Table):
    """Code c becomes ``after[c]`` after every third step only, step 2 being the first."""

    period = 3

    def advance(self, states, step):
        return self.after[states] if step >= 2 and step % 3 == 2 else states

    def phase(self, step):
        return step - 1 if step < 1 else (step - 1) % 3


class Late(Table):
    """Code c becomes ``after[c]`` after every step from the third on."""

    def advance(self, states, step):
        return self.after[states] if step >= 3 else states

    def phase(self, step):
        return min(step - 2, 0)


def cells(*codes):
    return np.array(codes, np.int8).reshape(-1, 1, 1, 1)


#        0  1  2  3  4  5  6  7  8
AFTER = [0, 0, 1, 4, 5, 3, 3, 8, 7]


def test_entry_period_and_rest_of_every_orbit():
    falls = fall(Table(AFTER), cells(0, 1, 2, 3, 6, 7, 8), limit=20)
    assert falls.entry.tolist() == [0, 1, 2, 0, 1, 0, 0]
    assert falls.period.tolist() == [1, 1, 1, 3, 3, 2, 2]
    assert falls.rest.tolist() == [True] * 3 + [False] * 4


def test_starts_that_end_in_one_cycle_share_its_name_and_its_lattice():
    falls = fall(Table(AFTER), cells(0, 2, 3, 4, 6, 7, 8), limit=20)
    zero, two, three, four, six, seven, eight = falls.keys
    assert zero == two and three == four == six and seven == eight
    assert len({zero, three, seven}) == 3
    ends = falls.ends.ravel().tolist()
    assert ends[0] == ends[1] == 0 and ends[2] == ends[3] == ends[4] and ends[5] == ends[6]


def test_states_seen_within_a_cycle_are_those_of_a_plain_run():
    starts, machine = cells(0, 2, 3, 6, 8), Table(AFTER)
    falls = fall(machine, starts, limit=40, looks=(0, 1, 5, 17, 40))
    state = starts
    for step in range(41):
        if step in falls.seen:
            np.testing.assert_array_equal(falls.seen[step], state)
        state = machine.advance(state, step + 1)


def test_a_cycle_that_closes_past_the_limit_is_not_found():
    ring = Table([*range(1, 10), 0])
    for limit, periods in ((9, [0]), (10, [10])):
        falls = fall(ring, cells(0), limit=limit)
        assert falls.period.tolist() == periods
        assert falls.entry.tolist() == ([0] if periods[0] else [-1])
        assert bool(falls.keys[0]) == bool(periods[0])


def test_cycles_count_lattice_and_gate_phase_together():
    falls = fall(Pulse(AFTER), cells(0, 7, 3), limit=40)
    assert falls.period.tolist() == [3, 6, 9]
    assert falls.rest.tolist() == [True, False, False]
    assert falls.entry.tolist() == [1, 1, 1]  # phases come back from step 1 on


def test_a_lattice_that_waits_for_the_gate_is_not_at_rest():
    machine = Pulse(AFTER)
    assert find_resting(machine, cells(0, 7), 5).tolist() == [True, False]
    (_, at_rest), (_, later) = follow(machine, cells(7, 0), 0, [4, 8])
    assert (at_rest.ravel().tolist(), later.ravel().tolist()) == ([8, 0], [8, 0])
    *_, (_, later) = follow(machine, cells(7, 0), 0, [5])
    assert later.ravel().tolist() == [7, 0]


def test_a_cycle_is_proved_code_by_code(monkeypatch):
    monkeypatch.setattr("sw.experiments.memory.attractors.name", lambda state, phase: b"same" * 4)
    with pytest.raises(AssertionError, match=r"^start 1: two lattices share the digest 73616d65"):
        fall(Table(AFTER), cells(0, 3), limit=20)


def test_the_end_that_bears_the_name_is_the_one_of_the_smallest_digest(monkeypatch):
    monkeypatch.setattr(
        "sw.experiments.memory.attractors.name", lambda state, phase: bytes([9 - state.max()])
    )
    falls = fall(Table(AFTER), cells(3, 4, 5, 6, 7, 8, 2), limit=20)
    assert falls.ends.ravel().tolist() == [5, 5, 5, 5, 8, 8, 0]
    assert falls.keys == ["04"] * 4 + ["01"] * 2 + ["09"]
    monkeypatch.setattr(
        "sw.experiments.memory.attractors.name", lambda state, phase: bytes([state.max()])
    )
    falls = fall(Table(AFTER), cells(3, 4, 5, 6, 7, 8), limit=20)
    assert falls.ends.ravel().tolist() == [3, 3, 3, 3, 7, 7]


def test_a_fall_tells_how_many_are_decided_and_leaves_its_starts_alone():
    told, starts = [], cells(0, 1, 2, 3, 6, 7, 8)
    fall(Table(AFTER), starts, limit=20, progress=told.append)
    assert sum(told) == 7 and min(told) >= 0
    assert starts.ravel().tolist() == [0, 1, 2, 3, 6, 7, 8]


def test_a_lattice_that_lies_still_before_the_first_opening_is_run_on():
    seen = {
        step: states.ravel().tolist()
        for step, states in follow(Late(AFTER), cells(2, 3), 0, range(6))
    }
    assert seen == {0: [2, 3], 1: [2, 3], 2: [2, 3], 3: [1, 4], 4: [0, 5], 5: [0, 3]}
    falls = fall(Late(AFTER), cells(2, 3), limit=9)
    assert (falls.entry.tolist(), falls.period.tolist()) == ([4, 2], [1, 3])


def test_following_leaves_the_given_lattices_alone_and_looks_in_order():
    starts = cells(2, 6)
    seen = list(follow(Table(AFTER), starts, 0, (3, 0, 1, 3)))
    assert [step for step, _ in seen] == [0, 1, 3]
    assert [states.ravel().tolist() for _, states in seen] == [[2, 6], [1, 3], [0, 5]]
    assert starts.ravel().tolist() == [2, 6]
    for _, states in follow(Table(AFTER), starts, 0, range(4)):
        states[:] = 8  # what was seen is the caller's
    assert states.ravel().tolist() == [8, 8]
    assert [states.ravel().tolist() for _, states in seen] == [[2, 6], [1, 3], [0, 5]]
    changed = []
    for _, states in follow(Table(AFTER), starts, 0, range(4)):
        changed.append(states.ravel().tolist())
        states[:] = 8
    assert changed == [[2, 6], [1, 3], [0, 4], [0, 5]]


def test_a_machine_without_its_network_has_no_gate():
    rng = np.random.default_rng(3)
    spec = Spec(height=8, width=8, channels=4, multiplier=2, image=8, gate=GATE)
    skeleton = calibrated(spec, rng)
    machine = Machine(skeleton, None)
    assert (machine.gate, machine.period, machine.phase(1), machine.phase(8)) == (None, 1, 0, 0)
    states = rng.integers(-128, 128, (1, *spec.lattice)).astype(np.int8)
    np.testing.assert_array_equal(machine.advance(states, 3), machine.model.step(states))


@pytest.mark.parametrize("mapping", ["nearest2", "phase4"])
def test_machine_steps_as_the_device_does(mapping):
    rng = np.random.default_rng(3)
    gate = Gate(input_channel=0, output_channel=1, start=3, every=2, mapping=mapping)
    spec = Spec(height=8, width=8, channels=4, multiplier=2, image=8, gate=gate)
    skeleton, answers = calibrated(spec, rng), network(spec, rng)
    states = rng.integers(-128, 128, (3, *spec.lattice)).astype(np.int8)
    device = GoldenDevice((skeleton,))
    device.load_states(states, 0)
    machine = Machine(skeleton, answers)
    for step, found in follow(machine, states, 0, range(1, 13)):
        run(device, answers, 1)
        np.testing.assert_array_equal(found, device.read_states(), str(step))
    assert machine.period == (2 if mapping == "nearest2" else 8)
    assert [machine.phase(step) for step in (0, 1)] == [-2, -1]
    phases = [machine.phase(step) for step in range(2, 2 + machine.period)]
    assert len({*phases}) == machine.period  # none stands for another
    assert [machine.phase(step) for step in (2, 2 + machine.period)] == [0, 0]
    alone = Machine(replace(skeleton, spec=replace(spec, gate=None)), None)
    assert (alone.period, alone.phase(7)) == (1, 0)
