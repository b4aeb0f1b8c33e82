"""Fracs, quantiles and powers of two between the float model and the quantised one, by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.fixed import GATE_HIDDEN, HIDDEN
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.model.quantisers import ENCODE, GATE_INPUT, GATE_OUTPUT, PERCEIVE, READOUT, UPDATE
from sw.model.step import TrainingMachine
from sw.train import calibrate
from sw.train.calibrate import fidelity, peaks, powers, quantise, quantised_gate, quantised_rule
from sw.train.hold import begin_holding
from sw.train.learner import begin
from sw.train.options import Options

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=1, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("place", "weight", "bias", "wanted"),
    [
        (ENCODE, 0.5, 0.0, 7),  # 127 / 0.5 = 254: seven bits
        (ENCODE, 0.49, 0.0, 8),
        (ENCODE, 127 / 64, 0.0, 6),  # just fits
        (ENCODE, 0.5, 9.0, 6),  # the bias, with a bit to grow into: 262143.5 / 9 / 2^8
        (ENCODE, 0.5, 7.9, 7),
        (ENCODE, 1e-9, 0.0, 12),  # shifts end at 15
        (ENCODE, 1e9, 0.0, -3),  # and begin at 0
        (PERCEIVE, 0.5, 40.0, 7),  # 262143.5 / 40 / 2^5 = 204
        (PERCEIVE, 0.5, 70.0, 6),
        (PERCEIVE, 1e-9, 0.0, 18),
        (UPDATE, 1e-9, 0.0, 20),
        (UPDATE, 0.5, 200.0, 6),  # 24 bits: 4194303.5 / 200 / 2^8 = 81
        (READOUT, 0.5, 0.0, 7),
        (GATE_INPUT, 0.5, 20.0, 6),  # 18 bits: 65535.5 / 20 / 2^5 = 102
        (GATE_OUTPUT, 0.5, 0.0, 7),
        (replace(PERCEIVE, bits=5, narrow=True), 0.5, 0.0, 4),  # 15 / 0.5 = 30
    ],
)
def test_the_largest_frac_that_fits_is_chosen(place, weight, bias, wanted):
    weights, biases = torch.tensor([[weight / 3, -weight], [0.5, 1.0]]), torch.tensor([-bias, 0.0])
    found = place.choose(weights, biases).tolist()

    assert found == [wanted, 3 if place.bits == 5 else 6], "each output has its own"


def ramp():
    """One digit of 64 grey levels, 1 to 64."""
    return torch.arange(1.0, 65.0).view(1, 8, 8)


def test_peaks_are_codes_that_a_share_is_not_above(monkeypatch):
    monkeypatch.setattr(calibrate, "QUANTILES", (0.9, 0.998))
    learner = begin(Options(spec=SMALL))
    with torch.no_grad():
        for parameter in learner.parameters:
            parameter.zero_()
        learner.rule.encode.weight[:] = 1.0
        learner.rule.perceive.weight[0, :, 1, 1] = 1.0  # sums of filter 0 are pixels
        learner.rule.perceive.weight[1, :, 1, 1] = -1.0
        learner.rule.perceive.bias[2] = 0.5
        learner.gate.hidden.bias[5] = 0.25
    hidden, units = peaks(learner.rule, learner.gate, ramp())

    # Of 100 cells 36 are margin. Places 89 and 98 of them in order, from 0, hold 54 and 63.
    assert hidden[:, 0].tolist() == [54, 63]
    assert hidden[:, 1].tolist() == [0, 0], "what is negative fills nothing"
    assert hidden[:, 2].tolist() == [128, 128]  # of scale 2^-8
    assert units[:, 5].tolist() == [32, 32]  # of scale 2^-7
    assert units[:, 6].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("peak", "weight", "wanted"),
    [
        (255.0, 1.0, 1.0),
        (256.0, 1.0, 0.5),
        (100.0, 1.0, 2.0),
        (0.0, 0.01, 16.0),  # at most 2^4
        (1e9, 1.0, 2.0**-12),  # at least 2^-12
        (10.0, 3.0, 4.0),  # 127 * 2^-3 is 5.3 times 3
    ],
)
def test_powers_fill_the_codes_and_leave_weights_that_fit(peak, weight, wanted):
    found = powers(torch.tensor([peak]), torch.tensor([[weight, -weight / 2]]), PERCEIVE, HIDDEN)
    assert found.tolist() == [wanted]


def test_powers_of_the_gate_fill_seven_bits():
    assert powers(torch.tensor([127.0]), torch.ones(1, 1), GATE_INPUT, GATE_HIDDEN).item() == 1
    assert powers(torch.tensor([128.0]), torch.ones(1, 1), GATE_INPUT, GATE_HIDDEN).item() == 0.5


def test_powers_are_folded_into_both_layers():
    learner = begin(Options(spec=SMALL))
    with torch.no_grad():
        learner.rule.perceive.bias.uniform_(-0.1, 0.1)
        learner.gate.hidden.bias.uniform_(-0.1, 0.1)
        learner.gate.output.weight.uniform_(-0.01, 0.01)
    before = {name: value.detach().clone() for name, value in learner.rule.named_parameters()}
    rule = quantised_rule(learner.rule, torch.tensor([63.0] + [255.0] * 7), SMALL)
    factor = torch.tensor([4.0] + [1.0] * 7)

    assert torch.equal(rule.perceive.weight, before["perceive.weight"] * factor.view(-1, 1, 1, 1))
    assert torch.equal(rule.perceive.bias, before["perceive.bias"] * factor)
    assert torch.equal(rule.update.weight, before["update.weight"] / factor.view(1, -1, 1, 1))
    for layer, place, fracs in zip(
        (rule.encode, rule.perceive, rule.update, rule.readout),
        (ENCODE, PERCEIVE, UPDATE, READOUT),
        rule.exponents,
        strict=True,
    ):
        assert torch.equal(fracs, place.choose(layer.weight, layer.bias))
    gate = quantised_gate(learner.gate, torch.full((1024,), 31.0), SMALL)
    assert torch.equal(gate.hidden.weight, learner.gate.hidden.weight * 4)
    assert torch.equal(gate.hidden.bias, learner.gate.hidden.bias * 4)
    assert torch.equal(gate.output.weight, learner.gate.output.weight / 4)
    assert torch.equal(gate.output.bias, learner.gate.output.bias)
    fracs = GATE_INPUT.choose(gate.hidden.weight, gate.hidden.bias)
    assert torch.equal(gate.exponents.hidden, fracs)
    fracs = GATE_OUTPUT.choose(gate.output.weight, gate.output.bias)
    assert torch.equal(gate.exponents.output, fracs)


def test_fewer_bits_are_kept_from_model_to_model():
    learner = begin(Options(spec=SMALL, weight_bits=5, plane_bits=4))
    rule = quantised_rule(learner.rule, torch.full((8,), 100.0), SMALL)
    gate = quantised_gate(learner.gate, torch.full((1024,), 100.0), SMALL)
    assert (rule.weight_bits, gate.plane_bits) == (5, 4)
    assert rule.spec == SMALL and rule is not learner.rule


def test_fidelity_is_the_mean_logarithm_of_each_digits_error(monkeypatch):
    shown = torch.zeros(2, 8, 8)
    shown[0], shown[1] = 25.5, 2.55  # 20 and 40 dB
    asked = []
    monkeypatch.setattr(TrainingMachine, "encode", lambda machine, images: (images, "laid"))
    monkeypatch.setattr(
        TrainingMachine, "carry_on", lambda machine, *given: asked.append(given) or "b"
    )
    monkeypatch.setattr(TrainingMachine, "readout", lambda machine, states: {"b": shown}[states])
    learner = begin(Options(spec=replace(SMALL, steps=7)))
    found = fidelity(learner, torch.zeros(2, 8, 8), "damaged")
    assert found == pytest.approx(3 * np.log(10))
    assert asked == [(("damaged", "laid"), 7)]


def test_the_most_faithful_candidate_goes_on_where_the_run_was(monkeypatch):
    options = Options(recipe="memory", spec=SMALL, batch=4, dropout=0.5)
    learner = begin(options)
    learner.stage = "hold"
    begin_holding(learner, CORNERS, show_digits()[1][:64], options)
    learner.seconds, learner.batch = 12.5, 7
    for average in learner.averages:
        average.mul_(0.5)
    learner.pool.states += 0.25
    scores = iter([1.0, 3.0, 2.0, 0.0, 0.0, 0.0])
    tried = []

    def score(found, originals, damaged):
        tried.append(found)
        return next(scores)

    monkeypatch.setattr(calibrate, "fidelity", score)
    found = quantise(learner, CORNERS, options)

    assert found is tried[1]
    assert (found.stage, found.batch, found.seconds) == ("qat", 0, 12.5)
    assert found.pool is learner.pool and found.prototypes is learner.prototypes
    assert found.pool.states.eq(found.pool.states.round()).all()
    assert learner.rule.readout.bias.eq(learner.averages[7]).all(), "of the averages"
    for average, parameter in zip(found.averages, found.parameters, strict=True):
        assert torch.equal(average, parameter)


def test_peaks_are_of_states_before_each_step_and_planes_at_each_opening(monkeypatch):
    gate = Gate(input_channel=2, output_channel=1, start=2, every=2)
    spec, said = replace(SMALL, steps=4, gate=gate), []
    monkeypatch.setattr(calibrate, "QUANTILES", (0.0, 1.0))
    learner = begin(Options(spec=spec))
    with torch.no_grad():
        for parameter in learner.parameters:
            parameter.zero_()
        for channel in range(4):
            learner.rule.perceive.weight[2 * channel, :, 1, 1] = 1.0
        learner.gate.hidden.weight[3, :] = 1.0  # the sum of a plane
    laid = torch.full((1, 4, 10, 10), 1.0)
    monkeypatch.setattr(TrainingMachine, "encode", lambda machine, images: laid)
    monkeypatch.setattr(TrainingMachine, "step", lambda machine, states: states + 10)

    def deliver(machine, states, deltas, step):
        said.append((machine.spec is learner.rule.spec, step, machine.exact))
        return states + 1000

    monkeypatch.setattr(TrainingMachine, "deliver", deliver)
    hidden, units = peaks(learner.rule, learner.gate, torch.zeros(1, 8, 8))
    # Before the first and the fourth step: 1, and 1 + 3 * 10 + 1000 at the one opening between
    # them, of frac 5, as codes of frac 8.
    assert hidden.tolist() == [[1 * 8, 0] * 4, [1031 * 8, 0] * 4]
    # Planes after the second and the fourth step, before the gate answers: of 100 cells, of frac 7.
    assert units[:, 3].tolist() == pytest.approx([21 * 100 * 4, 1041 * 100 * 4])
    assert said == [(True, step, False) for step in (2, 4)]


def test_a_rule_without_gate_has_peaks_of_filters_alone():
    learner = begin(Options(spec=replace(SMALL, gate=None)))
    hidden, units = peaks(learner.rule, None, ramp())
    assert hidden.shape == (6, 8) and units.shape == (6, 0)


def test_six_quantiles_are_tried():
    assert calibrate.QUANTILES == (0.9999, 0.9995, 0.998, 0.9965, 0.995, 0.99)
    assert (calibrate.NARROW, calibrate.INSIDE, calibrate.POWERS) == (64.0, 0.99, (-12, 4))


@pytest.mark.parametrize("held", [False, True])
def test_quantisation_hands_on_digits(monkeypatch, held):
    options, asked = Options(spec=SMALL, dropout=0.5), []
    learner = begin(options)
    learner.pool = type("Pool", (), {"states": torch.zeros(1)})() if held else None
    monkeypatch.setattr(calibrate, "calibration_digits", lambda *given: ("originals", given))
    monkeypatch.setattr(calibrate, "narrow_states", lambda *given: asked.append(("narrow", *given)))
    monkeypatch.setattr(calibrate, "candidates", lambda *given: asked.append(given) or [learner])
    monkeypatch.setattr(calibrate, "fidelity", lambda *given: asked.append(given) or 1.0)
    assert quantise(learner, CORNERS, options) is learner
    damaged = (CORNERS, options)
    assert asked == [
        *[("narrow", learner, damaged)] * held,
        (learner, damaged),
        (learner, "originals", damaged),
    ]


def test_no_hidden_unit_is_dropped_in_quantisation(monkeypatch):
    options = Options(recipe="memory", spec=SMALL, batch=4, dropout=0.5)
    learner, made, of = begin(options), [], TrainingMachine.of
    learner.stage = "hold"
    begin_holding(learner, CORNERS, show_digits()[1][:64], options)

    def noted(*given):
        made.append(of(*given))
        return made[-1]

    monkeypatch.setattr(TrainingMachine, "of", noted)
    quantise(learner, CORNERS, options)
    exact = [each.exact for each in made]
    assert exact == [False] * 2 + [True] * 6, "narrowed, measured, and six candidates"
    assert [each.dropout for each in made] == [0.0] * 8


def test_a_candidate_has_the_powers_of_its_own_quantile(monkeypatch):
    learner, asked = begin(Options(spec=SMALL, optimiser="adam")), []
    learner.seconds, learner.stage = 4.5, "hold"
    rule, gate = learner.rule, learner.gate
    monkeypatch.setattr(calibrate, "peaks", lambda *given: (["a", "b"], ["c", "d"]))
    for name, model in (("quantised_rule", rule), ("quantised_gate", gate)):
        monkeypatch.setattr(
            calibrate, name, lambda *given, model=model: asked.append(given) or model
        )
    found = calibrate.candidates(learner, ramp())
    assert asked == [(rule, "a", SMALL), (gate, "c", SMALL), (rule, "b", SMALL), (gate, "d", SMALL)]
    assert [(each.stage, each.batch, each.seconds, each.optimiser) for each in found] == [
        ("qat", 0, 4.5, "adam")
    ] * 2
