"""From the float model to the quantised one."""

import pytest
import torch

from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.train.calibrate import NARROW, narrow_states
from sw.train.draw import calibration_digits
from sw.train.hold import begin_holding
from sw.train.learner import Learner, begin
from sw.train.options import Options

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)


def states_of(learner, damaged):
    """Return the states after the last step, in float."""
    machine = learner.machine()
    last = machine.carry_on(machine.encode(damaged), machine.spec.steps)
    return last


def test_wide_states_are_narrowed_and_the_function_stays():
    torch.manual_seed(0)
    images, labels = show_digits()
    images = images[:64, 8:16, 10:18].copy()
    options = Options(recipe="memory", spec=SMALL, batch=4)
    fresh = begin(options)
    learner = Learner(rule=fresh.rule, gate=fresh.gate, stage="hold")
    with torch.no_grad():
        # One channel below the limit, one far beyond it, and both of the gate's.
        learner.rule.encode.weight.copy_(torch.tensor([2.4, 2.4, 0.3, 2.8]).view(-1, 1, 1, 1))
        learner.rule.readout.weight.uniform_(-0.2, 0.2)
        learner.gate.output.weight.uniform_(-0.01, 0.01)
        learner.rule.encode.bias.uniform_(-0.1, 0.1)
        learner.rule.update.bias.uniform_(-0.02, 0.02)
    begin_holding(learner, images, labels[:64], options)
    _, damaged = calibration_digits(images, options)
    with torch.no_grad():
        states, shown = (
            states_of(learner, damaged),
            learner.machine().readout(states_of(learner, damaged)),
        )
        pool, encode = learner.pool.states.clone(), learner.rule.encode.weight.clone()
        narrow_states(learner, damaged)
        factor = (learner.rule.encode.weight / encode).view(-1, 1, 1)
        narrowed = states_of(learner, damaged)
        torch.testing.assert_close(narrowed, states * factor)
        torch.testing.assert_close(learner.machine().readout(states_of(learner, damaged)), shown)
        assert torch.equal(learner.pool.states, pool * factor)
    assert factor[:3].eq(1).all(), "what the gate reads, what it adds to, what is narrow"
    assert factor[3] < 1 and narrowed[:, 3].abs().quantile(0.99).item() == pytest.approx(
        NARROW, 0.01
    )
    assert shown.std() > 1 and states.abs().max() < 127, "nothing saturates, and digits differ"
