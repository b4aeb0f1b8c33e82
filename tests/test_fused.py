from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from golden.samples import adversarial_states, calibrated, extreme, uniform
from golden.spec import Spec
from sw.model.fused import step_library
from sw.model.quantisers import STATE_FRAC
from sw.model.rebuild import rule_of
from sw.model.step import TrainingMachine, dense, perceive

CPU = torch.device("cpu")
SPECS = {
    "full": Spec(),
    "small": Spec(height=10, width=10, channels=4, multiplier=2, image=8),
    "odd channels": Spec(height=6, width=38, channels=7, multiplier=3, image=4),
    "widest": Spec(height=14, width=8, channels=3, multiplier=8, image=4),
    "narrowest": Spec(height=4, width=34, channels=1, multiplier=1, image=4),
}
DRAWS = {"uniform": uniform, "calibrated": calibrated, "extreme": extreme}
KINDS = {"float": False, "exact": True}


pytestmark = pytest.mark.usefixtures("one_thread")


def states_of(spec, count=3):
    rng = np.random.default_rng(1)
    drawn = rng.integers(-128, 128, (count, *spec.lattice))
    return torch.from_numpy(np.concatenate([adversarial_states(spec), drawn])).float()


def leaves(spec, exact):
    """Calibrated weights to differentiate for; integers times powers of two only where exact."""
    weights = TrainingMachine.of(rule_of(calibrated(spec, np.random.default_rng(2))), None)
    generator = torch.Generator().manual_seed(3)
    kernels, offsets, mixes, bias = (
        (part.detach() * (1 if exact else 1 + 0.1 * torch.rand(part.shape, generator=generator)))
        .clone()
        .requires_grad_()
        for part in (weights.kernels, weights.offsets, *weights.update)
    )
    return replace(weights, exact=exact, kernels=kernels, offsets=offsets, update=(mixes, bias))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_dense_convolution_finds_the_same(spec):
    weights, states = leaves(spec, exact=True), states_of(spec)
    found = functional.conv2d(states, dense(weights.kernels), weights.offsets.flatten(), padding=1)

    assert torch.equal(found, perceive(states, weights.kernels, weights.offsets, padding=1))


def step_and_gradients(step, spec, kind, states):
    """Return the new states, and the gradients of old states and weights."""
    weights = leaves(spec, KINDS[kind])
    states = states.clone().requires_grad_()
    result = step(weights, states)
    pull = torch.randn(result.shape, generator=torch.Generator().manual_seed(4))
    wanted = [states, weights.kernels, weights.offsets, *weights.update]
    return result.detach(), torch.autograd.grad((result * pull).sum(), wanted)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_codes_equal_brevitas(spec, draw):
    rule = rule_of(draw(spec, np.random.default_rng(5)))
    assert step_library(spec, CPU) is not None
    weights, states = TrainingMachine.of(rule, None), states_of(spec)
    values = states * 2.0**-STATE_FRAC
    with torch.no_grad():
        for _ in range(3):
            states, values = weights.step(states), rule(values)
            assert torch.equal(states, values * 2.0**STATE_FRAC)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_step_and_gradients_equal_plain_torch(spec, kind):
    states = states_of(spec)
    want, gradients = step_and_gradients(TrainingMachine.plain_step, spec, kind, states)
    got, found = step_and_gradients(TrainingMachine.step, spec, kind, states)

    assert (want.abs() < 127).float().mean() > 0.3
    if kind == "float":  # sums in another order: some 1e-7 of values up to some thousands
        torch.testing.assert_close(got, want, rtol=0, atol=2e-3)
    else:
        assert torch.equal(got, want)
    for left, right in zip(found, gradients, strict=True):
        assert right.abs().max() > 0
        torch.testing.assert_close(left, right, rtol=0, atol=2e-5 * float(right.abs().max()))


def test_gradient_of_states_is_the_same_beside_frozen_weights():
    spec, found = SPECS["odd channels"], []
    for frozen in (False, True):
        weights = leaves(spec, True)
        for part in (weights.kernels, weights.offsets, *weights.update):
            part.requires_grad_(not frozen)
        states = states_of(spec).requires_grad_()
        weights.step(states).square().sum().backward()
        found.append(states.grad)

    assert found[0].any()
    assert torch.equal(*found)


def test_gradient_may_lie_in_any_way():
    spec, found = SPECS["small"], []
    for step in (TrainingMachine.plain_step, TrainingMachine.step):
        weights = leaves(spec, True)
        result = step(weights, states_of(spec))
        pull = torch.linspace(-1, 1, result[0].numel()).view_as(result[0]).expand_as(result)
        found.append(torch.autograd.grad(result, [weights.offsets], pull)[0])

    assert found[0].any()
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-3)


def test_gradient_of_hidden_codes_stops_at_saturation_and_passes_its_edge():
    spec = Spec(height=4, width=4, channels=1, multiplier=1, image=4)
    sums = torch.tensor([0.0, 0.5, 0.501, 1.0, 255.5, 255.99, 256.0, 300.0])
    for step in (TrainingMachine.plain_step, TrainingMachine.step):
        for offset in sums:
            weights = leaves(spec, True)
            with torch.no_grad():
                for part in (weights.kernels, weights.update[0], weights.update[1]):
                    part.zero_()
                weights.update[0].fill_(2.0**-9)
                weights.offsets.fill_(offset)
            states = torch.zeros(1, *spec.lattice)
            advanced = step(weights, states)
            (gradient,) = torch.autograd.grad(advanced.sum(), [weights.offsets])
            assert bool(gradient) == (0.5 < offset < 256), (step, offset)


@pytest.mark.parametrize("step", [TrainingMachine.plain_step, TrainingMachine.step])
@pytest.mark.parametrize(
    "state, change, wants_more, wants_less",
    [
        (0, 0, 1, 1),
        (125, 1, 1, 1),
        (126, 1, 0, 1),
        (127, 9, 0, 1),
        (-127, 0, 1, 1),
        (-128, -9, 1, 0),
    ],
)
def test_gradient_of_a_saturated_state_leads_back(step, state, change, wants_more, wants_less):
    spec = Spec(height=4, width=4, channels=1, multiplier=1, image=4)
    weights = leaves(spec, True)
    with torch.no_grad():
        for part in (weights.kernels, *weights.update):
            part.zero_()
        weights.update[1].fill_(change)
    for pull, passes in ((-1.0, wants_more), (1.0, wants_less)):  # a descent goes against it
        states = torch.full((1, *spec.lattice), float(state), requires_grad=True)
        advanced = step(weights, states)
        gradient = torch.autograd.grad(advanced.sum() * pull, [states, weights.update[1]])
        assert [bool(each.any()) for each in gradient] == [passes, passes]


@pytest.mark.parametrize("kind", KINDS)
def test_result_does_not_depend_on_threads(kind):
    spec, results = SPECS["full"], []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(step_and_gradients(TrainingMachine.step, spec, kind, states_of(spec, 34)))

    for result, gradients in results[1:]:
        assert torch.equal(result, results[0][0])
        for left, right in zip(gradients, results[0][1], strict=True):
            assert torch.equal(left, right)


def test_library_runs_on_as_many_threads_as_told():
    functions = step_library(SPECS["full"], CPU)

    assert [functions.thalweg_threads(count) for count in (1, 2)] == [1, 2]


def test_divergence_shows():
    spec = SPECS["small"]
    weights = leaves(spec, False)
    with torch.no_grad():
        weights.kernels[0, 0, 0, 1, 1] = torch.nan
    states = weights.step(states_of(spec))

    assert states.isnan().all()
