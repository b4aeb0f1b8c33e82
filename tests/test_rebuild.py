import numpy as np
import pytest
import torch

from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, extreme, network, uniform
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate as Place
from golden.spec import Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.model.floats import models, write
from sw.model.gate import Gate
from sw.model.proof import Mismatch, prove
from sw.model.rebuild import gate_of, rule_of
from sw.model.rule import Rule

SMALL = Spec(
    height=8, width=8, image=6, steps=3, gate=Place(input_channel=0, output_channel=1, start=1)
)


def test_shipped_integers_come_back_and_equal_golden():
    skeleton = Skeleton.load(SHIPPED / "digits")
    shipped = GateNetwork.load(SHIPPED / "digits" / "gate.safetensors")
    rule, gate = rule_of(skeleton), gate_of(shipped, skeleton.spec)
    assert rule.weights().digest == skeleton.digest
    again = gate.weights()
    for layer in ("hidden", "output"):
        for part in ("weight", "bias", "shift"):
            got, want = getattr(getattr(again, layer), part), getattr(getattr(shipped, layer), part)
            np.testing.assert_array_equal(got, want)
    images = blank(show_digits()[0][:3], range(3))
    assert prove(rule, gate, skeleton, shipped, images) > 3 * 10 * 16 * 1024


@pytest.mark.parametrize("kind", [uniform, extreme, calibrated])
def test_integers_from_all_over_their_ranges_equal_golden(kind):
    rng = np.random.default_rng(0)
    skeleton, answers = kind(SMALL, rng), network(SMALL, rng)
    rule, gate = rule_of(skeleton), gate_of(answers, SMALL)
    assert rule.weights().digest == skeleton.digest
    images = rng.integers(0, 256, (4, 6, 6)).astype(np.uint8)
    assert prove(rule, gate, skeleton, answers, images) > 0
    if kind is calibrated:  # the others saturate all over and would hide it
        with torch.no_grad():
            rule.readout.bias -= 0.5
        with pytest.raises(Mismatch):
            prove(rule, gate, skeleton, answers, images)


def test_float_models_come_back_in_half_precision(tmp_path):
    rule, gate = Rule(SMALL), Gate(SMALL)
    rule.initialise(torch.Generator().manual_seed(0))
    path = tmp_path / "float.safetensors"
    write(rule, gate, path)
    assert path == tmp_path / "float.safetensors"
    again, answers = models(path, SMALL)
    assert torch.equal(again.perceive.weight, rule.perceive.weight.half().float())
    assert torch.equal(answers.output.bias, gate.output.bias.half().float())
    with pytest.raises(InputError, match="must hold the weights of this rule and gate"):
        models(path, Spec(height=8, width=8, image=6))
    with pytest.raises(InputError, match="must be a readable file: No such file"):
        models(tmp_path / "none.safetensors", SMALL)
