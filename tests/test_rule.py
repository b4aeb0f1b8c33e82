from dataclasses import replace

import brevitas.nn as qnn
import numpy as np
import pytest
import torch

from golden.fixed import STATE, UPDATE_BIAS, UPDATE_SHIFTS, trunc_shift
from golden.gate import GateLayer, GateNetwork
from golden.samples import calibrated, extreme, network, uniform
from golden.skeleton import LAYERS, Layer, Skeleton
from golden.spec import Gate as GatePlace
from golden.spec import Spec
from sw.model.gate import spread
from sw.model.proof import Mismatch, prove, prove_random
from sw.model.quantisers import (
    CHANGE,
    ENCODE,
    GATE_INPUT,
    GATE_OUTPUT,
    PERCEIVE,
    READOUT,
    STATE_FRAC,
    UPDATE,
    RoundHalfUp,
    activation,
)
from sw.model.rebuild import gate_of, rule_of
from sw.model.step import TrainingMachine

GATE = GatePlace(input_channel=2, output_channel=3, start=2, every=2)
SMALL = Spec(height=12, width=8, channels=4, multiplier=3, steps=6, image=4, gate=GATE)
SPECS = {
    "nearest2": SMALL,
    "phase4": replace(SMALL, gate=replace(GATE, every=1, mapping="phase4")),
    "wrap": replace(SMALL, boundary="wrap"),
    "same channel": replace(SMALL, gate=replace(GATE, input_channel=3)),
}
DRAWS = {"uniform": uniform, "calibrated": calibrated, "extreme": extreme}


pytestmark = pytest.mark.usefixtures("one_thread")


def images_of(spec, count=8):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, spec.image, spec.image)).astype(np.uint8)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_brevitas_equals_golden(spec, draw):
    rng = np.random.default_rng(3)
    skeleton, net = draw(spec, rng), network(spec, rng)
    rule, gate = rule_of(skeleton), gate_of(net, spec)

    assert prove_random(rule, gate, skeleton, net, images_of(spec)) > 100_000


def test_brevitas_equals_golden_without_gate_at_full_size():
    skeleton = calibrated(Spec(), np.random.default_rng(4))

    equal = prove(rule_of(skeleton), None, skeleton, None, images_of(skeleton.spec, 2))

    assert equal == 2 * (11 * 16 * 1024 + 784)


@pytest.mark.parametrize("layer", LAYERS)
def test_proof_catches_one_wrong_integer(layer):
    rng = np.random.default_rng(5)
    skeleton = calibrated(SMALL, rng)
    rule = rule_of(skeleton)
    codes = getattr(skeleton, layer)
    bias = codes.bias + (1 << np.maximum(codes.shift, 1) - 1)  # half a code: ties go elsewhere
    wrong = replace(skeleton, **{layer: Layer(codes.weight, bias, codes.shift)})

    with pytest.raises(Mismatch, match="codes differ from golden, first sample "):
        prove_random(rule, None, wrong, None, images_of(SMALL))


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_weights_return_the_integers(draw):
    rng = np.random.default_rng(6)
    skeleton, net = draw(SMALL, rng), network(SMALL, rng)

    found = rule_of(skeleton).weights()
    answered = gate_of(net, SMALL).weights("digest")

    assert isinstance(found, Skeleton)
    assert isinstance(answered, GateNetwork)
    assert found.digest == skeleton.digest
    assert answered.skeleton == "digest"
    for got, want in ((answered.hidden, net.hidden), (answered.output, net.output)):
        assert isinstance(got, GateLayer)
        for part in ("weight", "bias", "shift"):
            assert getattr(got, part).dtype == getattr(want, part).dtype
            assert np.array_equal(getattr(got, part), getattr(want, part))


def brevitas_run(rule, gate, images, spec):
    """Run the Brevitas model; return its values after every step and its pixels."""
    states = rule.lay(images[:, None] * 2.0**-8)
    trail = [states]
    for step in range(1, spec.steps + 1):
        states = rule(states)
        if spec.gate.is_open(step):
            plane = states[:, spec.gate.input_channel].reshape(len(states), -1)
            states = rule.state(states + spread(gate(plane), spec, step))
        trail.append(states)
    return torch.stack(trail), rule.show(states)[:, 0]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_training_step_equals_brevitas(spec):
    rng = np.random.default_rng(7)
    rule, gate = rule_of(calibrated(spec, rng)), gate_of(network(spec, rng), spec)
    images = torch.from_numpy(images_of(spec)).float()

    want, shown = brevitas_run(rule, gate, images, spec)
    weights = TrainingMachine.of(rule, gate)
    states = weights.encode(images)
    trail = [states]
    for step in range(1, spec.steps + 1):
        states = weights.advance(states, step)
        trail.append(states)

    assert torch.equal(torch.stack(trail), want * 2.0**STATE_FRAC)
    assert torch.equal(weights.readout(states), shown * 2.0**8)


def test_gradients_of_training_step_equal_brevitas():
    rng = np.random.default_rng(8)
    rule, gate = rule_of(calibrated(SMALL, rng)), gate_of(network(SMALL, rng), SMALL)
    parameters = [*rule.perceive.parameters(), *rule.update.parameters(), *gate.parameters()]
    states = torch.from_numpy(rng.integers(-90, 90, (4, *SMALL.lattice))).float()
    pull = torch.from_numpy(rng.integers(-8, 8, (4, *SMALL.lattice))).float()
    step = SMALL.gate.start

    values = rule(states * 2.0**-STATE_FRAC)
    plane = values[:, SMALL.gate.input_channel].reshape(len(values), -1)
    values = rule.state(values + spread(gate(plane), SMALL, step))
    weights = TrainingMachine.of(rule, gate)
    codes = weights.advance(states, step)
    free = (codes > STATE.min) & (codes < STATE.max)  # Brevitas never leads back from a limit
    assert 0.9 < free.float().mean() < 1
    pull = pull * free
    want = torch.autograd.grad((values * pull).sum(), parameters)
    got = torch.autograd.grad((codes * 2.0**-STATE_FRAC * pull).sum(), parameters)

    for left, right in zip(got, want, strict=True):
        assert right.abs().max() > 0
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4 * float(right.abs().max()))


def test_rounding_takes_ties_upwards():
    values = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -0.51, 0.49])

    assert RoundHalfUp()(values).tolist() == [-2, -1, 0, 1, 2, 3, -1, 0]


def test_change_is_cut_as_golden_cuts_it():
    change = qnn.QuantIdentity(act_quant=activation(CHANGE, STATE_FRAC, towards_zero=True))
    rng = np.random.default_rng(9)
    edges = [0, 1, UPDATE_BIAS.max, UPDATE_BIAS.min, 10_999_808, -10_999_808]
    sums = np.concatenate([edges, np.arange(-600, 600), rng.integers(-(2**23), 2**23, 2000)])
    for shift in UPDATE_SHIFTS:
        values = torch.from_numpy(sums * 2.0 ** -(shift + STATE_FRAC)).float()
        want = trunc_shift(sums, shift)
        assert np.array_equal(change(values).double().numpy() * 2.0**STATE_FRAC, want)


@pytest.mark.parametrize("place", [ENCODE, PERCEIVE, UPDATE, READOUT, GATE_INPUT, GATE_OUTPUT])
def test_chosen_fracs_keep_to_the_ranges(place):
    weight = torch.exp2(torch.arange(-45.0, 20.0))[:, None] * torch.tensor([1.0, -1.0])
    bias = torch.exp2(torch.linspace(-40, 12, len(weight)))

    chosen = place.choose(weight, bias)
    shifts = chosen + place.source - place.target
    fits = (chosen > place.exponents[0]) & (chosen < place.exponents[-1])

    assert set(shifts.tolist()) <= set(place.shifts)
    assert fits.any()
    codes = (weight.abs().amax(1) * torch.exp2(chosen.float()))[fits]
    biases = (bias * torch.exp2(chosen.float() + place.source))[fits]
    assert codes.max() <= 127
    assert biases.max() <= place.bias.max
