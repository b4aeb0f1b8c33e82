"""What training computes around the model, by hand: rates, clipping, averages, losses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import sw.train.letters as letters
import sw.train.restore as restoring
import sw.train.run as run
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.runs.checkpoint import Checkpoint
from sw.train.learner import Learner, begin
from sw.train.letters import relearn
from sw.train.losses import Loss, closeness, overflow, squared_error
from sw.train.options import Options
from sw.train.rehearsal import Rehearsal
from sw.train.restore import hurt_some, restore, run_supervised
from sw.train.run import rate, run_stage, train_batch
from tests.runs import teach

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
BARE = replace(SMALL, gate=None)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("stage", "batch", "wanted"),
    [
        ("float", 0, 1.0 / 200),
        ("float", 99, 0.5 * 0.5 * (1 + math.cos(math.pi * 99 / 400))),
        ("float", 200, 0.5),
        ("float", 300, 0.5 * (1 - math.sqrt(0.5))),
        ("float", 400, 0.0),
        ("hold", 0, 10.0 / 50),
        ("hold", 60, 5.0),
        ("hold", 90, 5.0 * (1 - math.sqrt(0.5))),
        ("qat", 0, 100.0 / 50),
        ("qat", 49, 50.0 * (1 + math.cos(math.pi * 49 / 80))),
        ("qat", 60, 50.0 * (1 - math.sqrt(0.5))),
    ],
)
def test_rates_rise_in_a_line_and_fall_as_a_cosine(stage, batch, wanted):
    options = Options(
        recipe="memory",
        spec=SMALL,
        batches=400,
        hold_batches=120,
        qat_batches=80,
        rate=1.0,
        hold_rate=10.0,
        qat_rate=100.0,
    )
    assert rate(options, stage, batch) == pytest.approx(wanted, abs=1e-12)


def test_letters_are_learnt_at_the_first_rate():
    options = Options(recipe="letters", begin="digits", batches=200, rate=1.0, qat_rate=5.0)
    rates = [rate(options, "letters", batch) for batch in (0, 100)]
    assert rates == pytest.approx([1 / 50, 0.5])


@pytest.mark.parametrize(("optimiser", "share"), [("soap", 0.04), ("adam", 0.2)])
def test_the_gate_has_its_share_of_the_rate(optimiser, share):
    options = Options(spec=SMALL, batch=2, batches=400, optimiser=optimiser, rate=0.02)
    learner = begin(options)
    learner.batch = 49
    train_batch(learner, CORNERS, options)
    rates = [group["lr"] for each in learner.optimisers for group in each.param_groups]
    whole = 0.02 * 50 / 200 * 0.5 * (1 + math.cos(math.pi * 49 / 400))

    assert rates == pytest.approx([whole, whole * share])


def pulled(monkeypatch, slope):
    """Have every batch pull at all parameters by ``slope``; errors are of 10 and 30 dB."""

    def work(learner, images, options):
        value = sum(parameter.sum() for parameter in learner.parameters) * slope
        return Loss(value, torch.tensor([0.1, 0.001]))

    options = Options(spec=BARE, batch=2, batches=400, optimiser="adam")
    teach(monkeypatch, options, "float", work)
    return begin(options), options


@pytest.mark.parametrize("slope", [1000.0, 1e-4])
def test_gradients_are_clipped_to_norm_1(monkeypatch, slope):
    learner, options = pulled(monkeypatch, slope)
    count = sum(parameter.numel() for parameter in learner.parameters)
    train_batch(learner, CORNERS, options)
    wanted = min(slope, 1 / math.sqrt(count))

    for parameter in learner.parameters:
        want = torch.full_like(parameter, wanted)
        torch.testing.assert_close(parameter.grad, want, rtol=1e-4, atol=0)


def test_a_batch_tells_its_loss_and_the_mean_of_its_decibels(monkeypatch):
    learner, options = pulled(monkeypatch, 0.5)
    with torch.no_grad():
        for parameter in learner.parameters:
            parameter.zero_()
        learner.parameters[0].view(-1)[0] = 3.0
    value, decibels = train_batch(learner, CORNERS, options)

    assert (value, decibels) == pytest.approx((1.5, 20.0))
    assert learner.batch == 1


def test_averages_take_in_the_first_batches_at_once_and_later_ones_slowly(monkeypatch):
    learner, options = pulled(monkeypatch, 1.0)
    options = replace(options, averaging=0.9)
    wanted = [parameter.detach().clone() for parameter in learner.parameters]
    # 9 / (10 + batch), the batch itself counted, but no less than 1 - 0.9.
    for weight in (9 / 11, 9 / 12, 9 / 13):
        train_batch(learner, CORNERS, options)
        wanted = [a + (p - a) * weight for a, p in zip(wanted, learner.parameters, strict=True)]
    for average, each in zip(learner.averages, wanted, strict=True):
        torch.testing.assert_close(average, each.detach())
    learner.batch = 79
    train_batch(learner, CORNERS, options)
    wanted = [a + (p - a) * 0.1011235955 for a, p in zip(wanted, learner.parameters, strict=True)]
    learner.batch = 100
    train_batch(learner, CORNERS, options)
    wanted = [a + (p - a) * 0.1 for a, p in zip(wanted, learner.parameters, strict=True)]
    for average, each in zip(learner.averages, wanted, strict=True):
        torch.testing.assert_close(average, each.detach())


def test_averages_take_the_parameters_place():
    learner = begin(Options(spec=SMALL))
    for number, average in enumerate(learner.averages):
        average.fill_(number)
    learner.take_averages()

    assert [parameter.mean().item() for parameter in learner.parameters] == list(range(12))


def test_a_stage_tells_the_means_of_its_last_hundred_batches(monkeypatch, tmp_path, capsys):
    learner, options = pulled(monkeypatch, 1.0)
    options = replace(options, batches=150, output=tmp_path)

    def batch(learner, images, options):
        learner.batch += 1
        return float(learner.batch), 2.0 * learner.batch

    monkeypatch.setattr(run, "train_batch", batch)
    run_stage(learner, CORNERS, options, Checkpoint(tmp_path / "checkpoint.pt", ""), [])
    lines = [line.rpartition(", eta")[0] for line in capsys.readouterr().err.splitlines()]

    assert lines == [
        "float iter 100/150: loss 50.50000, psnr 101.00 dB",
        "float iter 150/150: loss 100.50000, psnr 201.00 dB",
    ]


def test_losses_of_known_errors():
    errors = torch.tensor([0.01, 0.04])
    memory = Options(recipe="memory", spec=SMALL)
    logarithms = (math.log(0.011) + math.log(0.041)) / 2

    assert closeness(errors, memory).item() == pytest.approx(0.025)
    assert closeness(errors, Options(spec=SMALL)).item() == pytest.approx(5e-3 * logarithms)


def test_errors_are_mean_squares_of_full_scale():
    shown, originals = torch.zeros(2, 2, 2), torch.zeros(2, 2, 2)
    shown[0, 0, 0], originals[1] = 51.0, 25.5

    assert squared_error(shown, originals).tolist() == pytest.approx([0.01, 0.01])


def test_states_near_their_limits_have_a_price():
    states = torch.zeros(1, 2, 2, 2)
    states[0, 0, 0] = torch.tensor([124.0, -128.0])

    assert overflow(states).item() == pytest.approx(0.1 * (4 + 8) / 8 / 32)


def test_a_batch_aims_at_what_is_wanted_and_is_measured_by_the_originals(monkeypatch):
    options = Options(spec=SMALL, batch=2)
    monkeypatch.setattr(restoring, "aim", lambda originals, *rest: originals * 0 + 51)
    monkeypatch.setattr(restoring, "draw", lambda *given: (torch.zeros(2, 8, 8),) * 2)
    shown = torch.full((2, 8, 8), 102.0)
    monkeypatch.setattr(restoring, "run_supervised", lambda *given: iter([shown * 9, shown]))
    found = restore(begin(options), CORNERS, options)

    logarithms = [math.log(((918 - 51) / 255) ** 2 + 1e-3), math.log(0.2**2 + 1e-3)]
    assert found.value.item() == pytest.approx(5e-3 * sum(logarithms) / 2)
    assert found.errors.tolist() == pytest.approx([0.16, 0.16])


def test_some_lattices_of_a_batch_lose_cells_in_mid_run(monkeypatch):
    options = Options(spec=SMALL, batch=4, hurt=0.5, supervise="every")
    learner, damaged = begin(options), torch.from_numpy(CORNERS[:4]).float()
    hurt = hurt_some(SMALL, 4, options, np.random.default_rng(0))
    lost = 1 - hurt.living.mean((1, 2, 3))
    assert 1 <= hurt.after < SMALL.steps
    assert ((lost[:2] >= 0.25) & (lost[:2] <= 0.35)).all() and not lost[2:].any()

    machine = learner.machine()
    shown, states = [], machine.encode(damaged)
    for step in range(1, SMALL.steps + 1):
        states = machine.advance(states, step)
        shown.append(machine.readout(states))
        if step == hurt.after:
            states = states * hurt.living
    found = torch.stack(list(run_supervised(machine, damaged, options, hurt)))
    assert found.equal(torch.stack(shown))

    seen = []

    def supervised(machine, damaged, options, hurt):
        seen.append(hurt)
        yield damaged

    monkeypatch.setattr(restoring, "run_supervised", supervised)
    restore(learner, CORNERS, options)
    restore(learner, CORNERS, replace(options, hurt=0.0))
    assert seen[0].living.mean((1, 2, 3)).lt(1).tolist() == [True, True, False, False]
    assert seen[1] is None


def test_half_of_a_batch_of_letters_is_digits(monkeypatch):
    options = Options(recipe="letters", begin="digits", spec=SMALL, batch=5, loss="mse")
    learner = begin(options)
    learner.stage = "letters"
    known = np.full((3, 8, 8), 51, np.uint8)
    learner.rehearsal = Rehearsal(known, known // 51)
    seen = []
    monkeypatch.setattr(
        letters,
        "draw",
        lambda images, options, rng, count: (torch.zeros(count, 8, 8), torch.ones(count, 8, 8) * 7),
    )

    def supervised(machine, damaged, options):
        seen.append(damaged)
        yield damaged * 0

    monkeypatch.setattr(letters, "run_supervised", supervised)
    found = relearn(learner, CORNERS, options)

    assert [image[0, 0].item() for image in seen[0]] == [7, 7, 1, 1, 1]
    assert found.errors.tolist() == pytest.approx([0, 0, 0.04, 0.04, 0.04])
    assert found.value.item() == pytest.approx(0.024)


def test_a_learner_of_letters_leaves_the_rule():
    fresh = begin(Options(spec=SMALL))
    learner = Learner(rule=fresh.rule, gate=fresh.gate, stage="letters")
    assert not any(parameter.requires_grad for parameter in learner.rule.parameters())
    assert len(learner.optimisers) == 1
