import numpy as np
import pytest
import torch

from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.model.quantisers import GATE_HIDDEN_FRAC, STATE_FRAC
from sw.model.rebuild import gate_of, rule_of
from sw.model.rule import Rule
from sw.model.step import TrainingMachine

SPEC = Spec(
    height=10,
    width=10,
    channels=4,
    multiplier=2,
    image=8,
    gate=Gate(input_channel=0, output_channel=1, start=1),
)


def with_bits(rule, bits):
    """Return the rule with weights of that many bits; what does not fit saturates."""
    result = Rule(SPEC, rule.exponents, weight_bits=bits)
    result.load_state_dict(rule.state_dict())
    return result


def weights_and_gradients(monkeypatch, rule, gate, fused):
    """Return all numbers, and the gradients of the models' parameters."""
    monkeypatch.setenv("THALWEG_FUSED", str(int(fused)))
    found = TrainingMachine.of(rule, gate)
    parts = [*found.encoder, found.kernels, found.offsets, *found.update, *found.reader]
    parts += [part for layer in found.network for part in (layer.weight, layer.bias)]
    generator = torch.Generator().manual_seed(1)
    total = sum((part * torch.randn(part.shape, generator=generator)).sum() for part in parts)
    parameters = [*rule.parameters(), *gate.parameters()]
    return parts, torch.autograd.grad(total, parameters)


@pytest.mark.parametrize("bits", [8, 5])
@pytest.mark.parametrize("spread", [0.0, 0.4, 40.0])
def test_weights_and_gradients_equal_brevitas(monkeypatch, spread, bits):
    rng = np.random.default_rng(2)
    whole, gate = rule_of(calibrated(SPEC, rng)), gate_of(network(SPEC, rng), SPEC)
    rule = with_bits(whole, bits)
    with torch.no_grad():  # off the grid, on its ties, and out of its range
        for model in (rule, gate):
            for layer, fracs in zip(model.children(), model.exponents, strict=False):
                step = torch.exp2(-fracs.float()).reshape(-1, *[1] * (layer.weight.ndim - 1))
                layer.weight.add_(step * (0.5 if not spread else spread * torch.randn_like(step)))

    want, gradients = weights_and_gradients(monkeypatch, rule, gate, False)
    got, found = weights_and_gradients(monkeypatch, rule, gate, True)

    for left, right in zip([*got, *found], [*want, *gradients], strict=True):
        assert torch.equal(left, right)
    stopped = (gradients[-4] == 0).float().mean()
    assert (stopped > 0.1) == (spread > 1)


def test_codes_of_weights_are_whole():
    rng = np.random.default_rng(3)
    gate = gate_of(network(SPEC, rng), SPEC)
    weight = TrainingMachine.of(rule_of(calibrated(SPEC, rng)), gate).network[0].weight
    scale = torch.exp2(gate.exponents.hidden.float() + STATE_FRAC - GATE_HIDDEN_FRAC)
    codes = weight * scale[:, None]

    assert torch.equal(codes, codes.round())
    assert codes.abs().max() == 127


def test_weights_of_five_bits_keep_to_their_codes():
    skeleton = with_bits(rule_of(calibrated(SPEC, np.random.default_rng(4))), 5).weights()
    for layer in (skeleton.perceive, skeleton.update):
        assert (layer.weight.min(), layer.weight.max()) == (-15, 15)
    assert np.abs(skeleton.encode.weight).max() > 15
