"""Quantised models part by part: places, quantisers, deltas, cut planes, first weights, files."""

from dataclasses import replace

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from golden.errors import InputError
from golden.fixed import GATE_HIDDEN, HIDDEN, PIXEL, STATE
from golden.gate import GateLayer, GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED
from golden.spec import Gate as Place
from golden.spec import Spec
from sw.model import floats
from sw.model.gate import CutNetwork, Gate, GateExponents, cut, field_of, spread
from sw.model.quantisers import (
    CHANGE,
    ENCODE,
    GATE_INPUT,
    GATE_OUTPUT,
    PERCEIVE,
    READOUT,
    UPDATE,
    activation,
    layer_codes,
    quantisers,
)
from sw.model.rebuild import fracs_of, gate_of, rule_of
from sw.model.rule import Rule, RuleExponents

GATE = Place(input_channel=0, output_channel=2, start=3, every=2)
SPEC = Spec(height=6, width=4, channels=4, multiplier=2, image=2, gate=GATE)
PHASED = Spec(
    height=4, width=4, channels=4, image=2,
    gate=Place(input_channel=0, output_channel=2, start=3, every=2, mapping="phase4"),
)  # fmt: skip


def test_places_have_the_ranges_of_the_chip():
    assert [
        (place.source, place.target, place.bias.width, place.exponents, place.codes)
        for place in (ENCODE, PERCEIVE, UPDATE, READOUT, GATE_INPUT, GATE_OUTPUT)
    ] == [
        (8, 5, 20, range(-3, 13), range(-128, 128)),
        (5, 8, 20, range(3, 19), range(-128, 128)),
        (8, 5, 24, range(-3, 21), range(-128, 128)),
        (5, 8, 20, range(3, 19), range(-128, 128)),
        (5, 7, 18, range(2, 26), range(-127, 128)),
        (7, 5, 18, range(-2, 22), range(-127, 128)),
    ]


@pytest.mark.parametrize(
    ("to", "frac", "towards_zero", "ends", "halves"),
    [
        (STATE, 5, False, (-128, 127), (-1, 0, 1, 2)),
        (HIDDEN, 8, False, (0, 255), (0, 0, 1, 2)),
        (PIXEL, 8, False, (0, 255), (0, 0, 1, 2)),
        (GATE_HIDDEN, 7, False, (0, 127), (0, 0, 1, 2)),
        (CHANGE, 5, True, (-(2**24), 2**24 - 1), (-1, 0, 0, 1)),
    ],
)
def test_activations_saturate_and_round_as_their_format(to, frac, towards_zero, ends, halves):
    quantiser = qnn.QuantIdentity(act_quant=activation(to, frac, towards_zero=towards_zero))
    codes = torch.tensor([-(2.0**26), 2.0**26, -1.5, -0.5, 0.5, 1.5])
    found = quantiser(codes * 2.0**-frac).double() * 2.0**frac
    assert found.tolist() == [*ends, *halves]


def test_no_exponents_are_no_quantisers_and_weights_keep_each_their_scale():
    assert quantisers(ENCODE, None, 4) == {"weight_quant": None, "bias_quant": None}
    fracs = torch.tensor([2, 6])
    layer = qnn.QuantLinear(3, 2, bias=True, **quantisers(GATE_INPUT, fracs, 2))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.3, -99.0, 0.125], [0.3, -99.0, 1 / 128]]))
        layer.bias.copy_(torch.tensor([0.3, -1e9]))
    codes = layer_codes(layer, GATE_INPUT, fracs)
    assert codes.weight.tolist() == [[1, -127, 1], [19, -127, 1]]
    assert codes.bias.tolist() == [round(0.3 * 2 ** (2 + 5)), -(1 << 17)]
    assert codes.shift.tolist() == [2 + 5 - 7, 6 + 5 - 7]
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.3, 1e9]))
    assert layer_codes(layer, GATE_INPUT, fracs).bias.tolist() == [38, (1 << 17) - 1]
    assert layer.quant_bias().value[0].item() == 38 / 2 ** (2 + 5)
    five = Rule(SPEC, weight_bits=5).places
    assert [place.codes for place in five[1:3]] == [range(-15, 16)] * 2
    assert five[0] is ENCODE and five[3] is READOUT
    assert Rule(SPEC).places == (ENCODE, PERCEIVE, UPDATE, READOUT)


@pytest.mark.parametrize("bits", [8, 5, 3])
def test_weights_of_fewer_bits_are_quantised_in_perceive_and_update_alone(bits):
    channels, filters = SPEC.channels, SPEC.filters
    fracs = RuleExponents(
        *(torch.full((n,), f) for n, f in ((channels, 4), (filters, 4), (channels, 4), (1, 4)))
    )
    rule = Rule(SPEC, fracs, weight_bits=bits)
    with torch.no_grad():
        for layer in (rule.encode, rule.perceive, rule.update, rule.readout):
            layer.weight.fill_(-99.0)
            layer.bias.zero_()
    found = rule.weights("mine")
    least = -128 if bits == 8 else 1 - (1 << bits - 1)
    assert (found.name, found.spec) == ("mine", SPEC)
    assert set(found.encode.weight) | set(found.readout.weight) == {-128}
    assert set(found.perceive.weight.flat) | set(found.update.weight.flat) == {least}


def test_fracs_follow_from_shifts():
    assert fracs_of(np.array([0, 15]), PERCEIVE).tolist() == [3, 18]
    assert fracs_of(np.asarray(7), READOUT).tolist() == [10]


DELTAS = torch.tensor([[1.0, 2.0, 3.0, 4.0]])


def test_a_delta_reaches_four_cells_or_one_of_them_in_turn():
    nearest = replace(PHASED, gate=replace(PHASED.gate, mapping="nearest2"))
    whole = field_of(DELTAS, nearest, 3)
    assert whole.tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]]
    for step, (row, column) in ((3, (0, 0)), (5, (0, 1)), (7, (1, 0)), (9, (1, 1)), (11, (0, 0))):
        wanted = torch.zeros(1, 1, 4, 4)
        wanted[:, :, row::2, column::2] = DELTAS.view(2, 2)
        assert torch.equal(field_of(DELTAS, PHASED, step), wanted)
        added = spread(DELTAS, PHASED, step)
        assert added.shape == (1, 4, 4, 4) and torch.equal(added[:, 2:3], wanted)
        assert not added[:, [0, 1, 3]].any()


def test_a_delta_of_a_lattice_that_is_not_square_lies_in_its_rows():
    field = field_of(torch.arange(6.0)[None], SPEC, 3)
    assert field[0, 0, ::2, ::2].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_planes_are_cut_to_their_upper_bits():
    planes = torch.tensor([-128.0, -33.0, -1.0, 0.0, 31.0, 32.0, 127.0, 0.5])
    assert cut(planes, 8) is planes
    assert cut(planes, 3).tolist() == [-128, -64, -32, 0, 0, 32, 96, 0]
    planes.requires_grad_()
    cut(planes, 3).sum().backward()
    assert planes.grad.tolist() == [1.0] * 8


@pytest.mark.parametrize("bits", [8, 4, 1])
def test_a_gate_reads_the_upper_bits_alone_as_its_integers_do(bits):
    net = network(SPEC, np.random.default_rng(0))
    whole = gate_of(net, SPEC)
    gate = Gate(SPEC, whole.exponents, units=1024, plane_bits=bits)
    gate.load_state_dict(whole.state_dict())
    found = gate.eval().weights("of it")
    assert type(found) is (GateNetwork if bits == 8 else CutNetwork)
    assert found.skeleton == "of it"
    planes = np.random.default_rng(1).integers(-128, 128, (3, 24), np.int8)
    upper = (planes.astype(int) // (1 << 8 - bits) * (1 << 8 - bits)).astype(np.int8)
    wanted = net.deltas(upper)
    np.testing.assert_array_equal(found.deltas(planes), wanted)
    with torch.no_grad():
        values = gate(torch.from_numpy(planes).float() / 32)
    np.testing.assert_array_equal((values * 32).numpy(), wanted)


def test_a_gate_of_any_number_of_units_is_rebuilt():
    whole = network(SPEC, np.random.default_rng(0))
    hidden = GateLayer(*(getattr(whole.hidden, part)[:9] for part in ("weight", "bias", "shift")))
    output = GateLayer(whole.output.weight[:, :9], whole.output.bias, whole.output.shift)
    found = gate_of(GateNetwork(hidden, output), SPEC).weights()
    for layer, wanted in ((found.hidden, hidden), (found.output, output)):
        for part in ("weight", "bias", "shift"):
            np.testing.assert_array_equal(getattr(layer, part), getattr(wanted, part))


def test_a_gate_begins_with_deltas_of_0_and_a_rule_with_the_image():
    gate, rule = Gate(SPEC, units=50), Rule(SPEC)
    for model in (gate, rule):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(9.0)
        model.initialise(torch.Generator().manual_seed(0))
    assert gate.hidden.weight.shape == (50, 24) and gate.output.weight.shape == (6, 50)
    assert not gate.output.weight.any() and not gate.output.bias.any()
    bound = 24**-0.5
    for drawn in (gate.hidden.weight, gate.hidden.bias):
        assert -bound <= drawn.min() < -0.8 * bound and 0.8 * bound < drawn.max() <= bound
    for layer in (rule.encode, rule.perceive, rule.update, rule.readout):
        assert not layer.bias.any()
    assert rule.readout.weight[0, :, 0, 0].tolist() == [0.5, 0, 0, 0]
    assert rule.encode.weight[0].item() == 2.0 and len(set(rule.encode.weight.flatten())) == 4
    images = torch.rand(2, 1, 2, 2, generator=torch.Generator().manual_seed(1)) * 0.9
    with torch.no_grad():
        shown = rule.show(rule.lay(images))
    torch.testing.assert_close(shown, images, atol=0.05, rtol=0)


def test_first_weights_of_a_rule_have_their_spreads_and_follow_the_seed():
    rules = [Rule(Spec()) for _ in range(3)]
    for rule, seed in zip(rules, (0, 0, 1), strict=True):
        rule.initialise(torch.Generator().manual_seed(seed))
    one, same, other = (list(rule.parameters()) for rule in rules)
    assert all(torch.equal(*pair) for pair in zip(one, same, strict=True))
    assert not all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    assert rules[0].perceive.weight.std().item() == pytest.approx(0.3, rel=0.1)
    assert rules[0].update.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert 0.25 < rules[0].encode.weight[1:].std().item() < 0.75


def test_an_unquantised_model_has_no_integers():
    for model in (Rule(SPEC), Gate(SPEC)):
        with pytest.raises(AssertionError, match="only a quantised"):
            model.weights()
    assert Gate(SPEC).hidden.weight.shape == (1024, 24)
    assert GateExponents._fields == ("hidden", "output")


def test_float_weights_are_found_by_file_by_folder_and_by_name(tmp_path):
    folder = tmp_path / "mine"
    calibrated(SPEC, np.random.default_rng(0)).save(folder)
    assert floats.find(str(folder)) == folder / "float.safetensors"
    assert floats.find("digits") == SHIPPED / "digits" / "float.safetensors"
    (folder / "latent.safetensors").write_bytes(b"")
    assert floats.find(str(folder / "latent.safetensors")) == folder / "latent.safetensors"
    assert floats.LATENT == "latent.safetensors"
    with pytest.raises(InputError, match=r"^Skeleton must be a folder"):
        floats.find(str(tmp_path / "none"))


def test_a_file_has_all_weights_of_rule_and_gate_in_half_precision(tmp_path):
    rule, gate = Rule(SPEC), Gate(SPEC)
    floats.write(rule, gate, tmp_path / "both")
    floats.write(rule, None, tmp_path / "rule")
    parts = ("weight", "bias")
    layers = [f"rule.{layer}" for layer in ("encode", "perceive", "update", "readout")]
    names = {f"{layer}.{part}" for layer in layers for part in parts}
    values = load((tmp_path / "rule").read_bytes())
    assert set(values) == names and {v.dtype for v in values.values()} == {torch.float16}
    gates = {
        f"gate.{layer}.{part}" for layer in ("hidden", "output") for part in ("weight", "bias")
    }
    assert set(load((tmp_path / "both").read_bytes())) == names | gates
    bare = Spec(height=6, width=4, channels=4, multiplier=2, image=2)
    again, none = floats.models(tmp_path / "rule", bare)
    assert none is None and not again.training
    assert torch.equal(again.update.weight, rule.update.weight.half().float())
    both = floats.models(tmp_path / "both", SPEC)
    assert not both[1].training
    assert torch.equal(both[1].hidden.weight, gate.hidden.weight.half().float())


def test_single_precision_is_read_whole_and_another_shape_is_refused(tmp_path):
    rule, path = Rule(SPEC), tmp_path / "file"
    values = {f"rule.{name}": p.detach() + 1e-5 for name, p in rule.named_parameters()}
    path.write_bytes(save(values))
    floats.read(rule, None, path)
    assert all(torch.equal(p, values[f"rule.{n}"]) for n, p in rule.named_parameters())
    values["rule.update.bias"] = values["rule.update.bias"][:, None].contiguous()
    path.write_bytes(save(values))
    with pytest.raises(InputError, match="must hold the weights of this rule and gate"):
        floats.read(rule, None, path)


def test_a_rule_that_is_rebuilt_is_at_rest_and_of_its_spec():
    rng = np.random.default_rng(0)
    rule, gate = rule_of(calibrated(SPEC, rng)), gate_of(network(SPEC, rng), SPEC)
    assert rule.spec == SPEC and not rule.training and not gate.training
    assert rule.exponents._fields == ("encode", "perceive", "update", "readout")
