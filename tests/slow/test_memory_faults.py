"""Faults of the lattice memory inside the chip's Verilog, and of golden's: the same codes."""

from dataclasses import replace

import numpy as np
import pytest

from golden.machine import Machine, follow
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sim.devices.device import SimulatedDevice
from sw.experiments.memory.faults import DeadRows, Flips, StuckChannel, run_faulty

GATE = Gate(input_channel=2, output_channel=5, start=2)
SPEC = Spec(height=8, width=8, image=8, gate=GATE)
STEPS = 6
FAULTS = {
    "flips": Flips(0.02, range(5, 7)),
    "another channel stuck": StuckChannel(9, 100),
    "the gate's input stuck": StuckChannel(GATE.input_channel, -128),
    "the gate's output stuck": StuckChannel(GATE.output_channel, 120),
    "dead rows": DeadRows((0, 3, 7)),
}


@pytest.fixture(scope="module")
def skeleton():
    return calibrated(SPEC, np.random.default_rng(1))


@pytest.fixture(scope="module")
def chip(skeleton):
    return SimulatedDevice((skeleton,), filters=5)


@pytest.mark.parametrize("mapping", ["nearest2", "phase4"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_faults_in_the_chips_memory_give_goldens_codes(chip, skeleton, fault, mapping):
    spec = replace(SPEC, gate=replace(GATE, mapping=mapping))
    skeleton = replace(skeleton, spec=spec)
    chip.skeletons = (skeleton,)
    chip.choose(0)
    rng = np.random.default_rng(2)
    answers = network(spec, rng)
    states = rng.integers(-128, 128, (2, *spec.lattice)).astype(np.int8)
    found = run_faulty(chip, answers, fault, states, STEPS)

    machine = Machine(skeleton, answers, fault)
    *_, (_, plain) = follow(Machine(skeleton, answers), states, 0, [STEPS])
    want = fault.strike(states, 0)
    for step, seen in enumerate(found, 1):
        want = machine.advance(want, step)
        np.testing.assert_array_equal(seen, want, str(step))
    assert not np.array_equal(want, plain)


def test_stored_codes_are_those_without_the_pending_delta(chip, skeleton):
    chip.skeletons = (skeleton,)
    chip.choose(0)
    rng = np.random.default_rng(4)
    answers = network(SPEC, rng)
    states = rng.integers(-128, 128, (2, *SPEC.lattice)).astype(np.int8)
    run_faulty(chip, answers, DeadRows(()), states, GATE.start)
    stored, seen = chip.stored_states(), chip.read_states()
    others = [c for c in range(SPEC.channels) if c != GATE.output_channel]
    np.testing.assert_array_equal(stored[:, others], seen[:, others])
    assert not np.array_equal(stored[:, GATE.output_channel], seen[:, GATE.output_channel])
