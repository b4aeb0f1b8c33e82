"""What training does to a step that the chip does not: gradients at limits, and longer steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.model.rebuild import gate_of, rule_of
from sw.model.step import TrainingMachine, perceive
from sw.train.losses import LIMIT, OVERFLOW, UNIT, overflow

GATE = Gate(input_channel=1, output_channel=2, start=1, every=1)
SPEC = Spec(height=8, width=8, channels=4, multiplier=2, steps=4, image=4, gate=GATE)


pytestmark = pytest.mark.usefixtures("one_thread")


def of_samples(spec=SPEC):
    """A machine of a random rule and gate, and states that lie far from their limits."""
    rng = np.random.default_rng(1)
    rule, gate = rule_of(calibrated(spec, rng)), gate_of(network(spec, rng), spec)
    states = torch.from_numpy(rng.integers(-9, 10, (3, *spec.lattice))).float()
    with torch.no_grad():
        return TrainingMachine.of(rule, gate), states


def test_all_that_changes_a_state_grows_with_the_step():
    machine, states = of_samples()
    machine = replace(machine, exact=False)
    longer = machine.stretched(1.5)
    change, more = (each.step(states) - states for each in (machine, longer))
    planes = machine.planes(states)
    delta, larger = (each.deltas(planes) for each in (machine, longer))
    free = (more.abs() < 100, larger.abs() < 100)

    assert all(each.float().mean() > 0.5 for each in free), "else nothing is compared"
    torch.testing.assert_close(more[free[0]], 1.5 * change[free[0]])
    torch.testing.assert_close(larger[free[1]], 1.5 * delta[free[1]])


def test_the_gates_answer_is_stretched_before_it_is_rounded():
    machine, states = of_samples()
    planes = machine.planes(states)
    deltas = {times: machine.stretched(times).deltas(planes) for times in (1, 3)}
    free = deltas[3].abs() < 100

    assert ((deltas[3] - 3 * deltas[1])[free].abs() <= 1.5).all()
    assert (deltas[3] - 3 * deltas[1])[free].any(), "the fraction counts"


@pytest.mark.parametrize("mapping", ["nearest2", "phase4"])
def test_gradient_of_what_the_gate_saturates_leads_back(mapping):
    spec = replace(SPEC, gate=replace(GATE, mapping=mapping))
    machine, states = of_samples(spec)
    states[:, 2] = 127.0
    states.requires_grad_()
    after = machine.deliver(states, machine.answer(states), 1)
    at_limit = after[:, 2] == 127
    assert 0 < at_limit.float().mean() < 1
    for pull, passes in ((-1.0, False), (1.0, True)):  # a descent goes against it
        (gradient,) = torch.autograd.grad(after[:, 2].sum() * pull, states, retain_graph=True)

        assert torch.equal(gradient[:, 2] != 0, ~at_limit | passes)


def test_states_are_free_up_to_their_limit():
    states = torch.tensor([0.0, LIMIT, -LIMIT])
    assert overflow(states) == 0
    near, at = (overflow(torch.cat([states, torch.tensor([each])])) for each in (-LIMIT - 2, 127.0))
    assert 0 < near < at
    assert near.item() == pytest.approx(OVERFLOW * 2 / 4 / UNIT)


def test_a_layer_on_codes_by_hand():
    rng = np.random.default_rng(1)
    rule = rule_of(calibrated(SPEC, rng))
    skeleton = rule.weights()
    found = TrainingMachine.of(rule, None)
    for (weight, bias), layer, half in (
        (found.encoder, skeleton.encode, 0.5),
        (found.reader, skeleton.readout, 0.5),
    ):
        scale = 2.0 ** -np.asarray(layer.shift, float)
        wanted = np.asarray(layer.weight * scale).reshape(-1)
        np.testing.assert_allclose(weight.detach().reshape(-1), wanted)
        np.testing.assert_allclose(bias.detach(), np.atleast_1d(layer.bias * scale) + half)
    perceive, update = skeleton.perceive, skeleton.update
    # Filter m of channel c is kernel [m, c]; what it gives to output k is mix [k, m * C + c].
    for channel in range(4):
        for each in range(2):
            row = 2 * channel + each
            scale = 2.0 ** -float(perceive.shift[row])
            np.testing.assert_allclose(
                found.kernels[each, channel, 0].detach(), perceive.weight[row] * scale
            )
            assert found.offsets[each, channel].item() == perceive.bias[row] * scale + 0.5
            np.testing.assert_allclose(
                found.update[0][:, 4 * each + channel, 0, 0].detach(),
                update.weight[:, row] * 2.0 ** -update.shift.astype(float),
            )
    np.testing.assert_allclose(
        found.update[1].detach(), update.bias * 2.0 ** -update.shift.astype(float)
    )
    assert found.network is None and found.gate is None and found.plane_bits == 8


def test_half_a_gates_hidden_units_are_dropped_in_training():
    machine, states = of_samples()
    planes = machine.planes(states)
    asked = []

    def dropout(hidden, share):
        asked.append((hidden.shape, share))
        return hidden * 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "dropout", dropout)
        machine.deltas(planes)
        assert asked == [], "not unless told"
        dropping = replace(machine, dropout=0.5)
        found = dropping.deltas(planes)
        replace(machine, dropout=0.25).advance(states, 1)
        patch.setattr(TrainingMachine, "step", lambda machine, states: states)
        closed = replace(SPEC, gate=replace(GATE, start=2))
        advanced = replace(dropping, spec=closed).advance(states, 1)
    assert asked == [((3, 1024), 0.5), ((3, 1024), 0.25)]
    assert torch.equal(
        found, machine.network[1].bias.detach().floor().clamp(-128, 127).expand(3, -1)
    )
    assert advanced is states


def test_on_an_accelerator_filters_are_one_dense_convolution(monkeypatch):
    machine, states = of_samples()
    wanted = perceive(states, machine.kernels, machine.offsets, 1)
    asked, convolve = [], torch.nn.functional.conv2d

    def conv2d(source, kernels, offsets, **named):
        asked.append((tuple(kernels.shape), named))
        return convolve(source.real, kernels, offsets, **named)

    class There:
        is_cuda = True
        real = states

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
    assert torch.equal(perceive(There(), machine.kernels, machine.offsets, 1), wanted)
    assert asked == [((8, 4, 3, 3), {"padding": 1})]


def test_a_gate_of_upper_bits_is_trained_on_upper_bits():
    rng = np.random.default_rng(1)
    rule, gate = rule_of(calibrated(SPEC, rng)), gate_of(network(SPEC, rng), SPEC)
    gate.plane_bits = 4
    machine = TrainingMachine.of(rule, gate)
    states = torch.full((1, *SPEC.lattice), 37.0)
    states[:, 1, 0, 0] = -1.0
    planes = machine.planes(states)
    assert planes.tolist() == [[-16.0] + [32.0] * 63]
