"""Codes that are tried on biases so that a rule comes to rest."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.settle as settling
from golden.model import Model
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.train.calibrate import quantise
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.outcome import DIGITS, LOOKS, Offsets, Outcome, Starts, Trained, run_starts
from sw.train.settle import Search, settle
from tests.origins import with_origins

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)


def search_for(channels, look, say=print):
    """Return the offsets that a search finds, and their outcome."""
    search = Search(channels, look, say)
    search.run()
    return search.offsets, search.best


@pytest.fixture
def learner():
    """A quantised rule and gate on corners of show digits, with its options."""
    images, labels = show_digits()
    images = np.ascontiguousarray(images[:64, 8:16, 10:18])
    digits = Digits(images, labels[:64], None, None, "corners")
    options = Options(recipe="memory", spec=SMALL, batch=4)
    return quantise(begin(options), images, options), digits, options


def test_codes_are_added_while_that_pays():
    def look(offsets):
        moving, ways = np.zeros((2, 16)), np.zeros(16)
        changes, origins = offsets
        moving[:, 3], moving[:, 5] = 100 * abs(changes[3] - 3), abs(changes[5] - 0.5)
        moving[:, 7], ways[7] = abs(origins[7] + 24), -1
        dear = 25.0 - abs(changes[3] - 1) / 1000 - 10 * max(0.0, changes[5])
        return Outcome(np.full((1, 3), dear), 20.0, 20.0, moving, ways)

    offsets, best = search_for(16, look, print)
    changes, origins = np.zeros((2, 16))
    changes[3] = 3.0  # 4 codes and 1 less; channel 5 would cost too much
    origins[7] = -24  # 8 codes alone, with all, and alone
    np.testing.assert_array_equal(offsets, (changes, origins))
    assert best.moving.sum(1).tolist() == [0.5, 0.5]


def test_quality_is_compared_with_the_beginning_all_along():
    falls = {0.0: (63, 25.0), -1.0: (1, 24.0), -0.5: (3, 25.0)}  # sites that move, decibels

    def look(offsets):
        count, decibels = falls.get(offsets.changes[3], falls[0.0])
        moving = np.zeros((1, 16))
        moving[0, 3] = count
        return Outcome(np.full((1, 1), decibels), 20.0, 20.0, moving, np.zeros(16))

    # At first 6 bits; then 1 and 5 / 3 for a decibel at one of three; then 2 and nothing lost.
    offsets, best = search_for(16, look, print)
    assert offsets.changes[3] == -0.5
    assert best.cost(look(Offsets.none(16))) == pytest.approx(2)


def test_a_channel_in_which_hardly_a_digit_moves_is_left():
    tried = []

    def look(offsets):
        tried.extend(offsets.changes.nonzero()[0].tolist())
        moving = np.zeros((200, 16))
        moving[:2, 3], moving[:3, 5] = 1, 1
        return Outcome(np.full((1, 200), 25.0), 20.0, 20.0, moving, np.zeros(16))

    search_for(16, look, print)
    assert set(tried) == {5}


def test_a_digit_that_fades_is_not_made_good_by_others():
    before = Outcome(np.full((3, 8), 20.0), 20.0, 20.0, np.zeros((9, 16)), np.zeros(16))
    faded, moving = before.digits.copy(), np.zeros((9, 16))
    faded[-1] += 1.0
    faded[-1, 0] = 15.0
    moving[:, 0] = 3  # two bits a lattice
    fading = replace(before, digits=faded)
    assert replace(before, hurt=19.0).cost(before) > 0
    assert fading.cost(before) > replace(before, moving=moving).cost(before)


def test_the_cost_of_a_fall_by_hand():
    nothing = np.zeros(16)
    before = Outcome(np.full((3, 2), 20.0), 20.0, 20.0, np.zeros((2, 16)), nothing)
    moving = np.zeros((2, 16))
    moving[0, [2, 5]] = 1, 2  # 3 codes of the first digit: two bits, a bit a digit
    looks = np.array([[21.0, 21.0], [19.0, 19.0], [20.0, 17.0]])
    after = Outcome(looks, 18.0, 25.0, moving, nothing)
    # Lost at the looks: -1, 1 and 1.5 dB; hurt 2; noise gains. The second digit fades by 3 - 1.
    lost = (0 + 1 + 1.5 + 2 + 0) / 5 + (0 + 2) / 2

    assert after.cost(before) == pytest.approx(1 + 5 * lost)
    assert before.cost(before) == 0
    assert replace(before, noise=18.0).cost(before) == pytest.approx(5 * 2 / 5)


def moved(skeleton, offsets):
    """Return the skeleton with the offsets on its integers."""
    update = skeleton.update
    changes = (offsets.changes * 2.0**update.shift).astype(update.bias.dtype)
    pushed = replace(skeleton, update=replace(update, bias=update.bias + changes))
    return with_origins(pushed, offsets.origins.astype(int))


OFFSETS = Offsets(np.array([0.0, -1.0, 0.5, 4.0]), np.array([0.0, 0.0, -16.0, 30.0]))


def test_a_fall_is_that_of_golden_with_so_much_on_its_biases(learner):
    trained, digits, options = learner
    starts, machine = Starts.of(digits, options), Trained(trained)
    with torch.no_grad():
        machine.offset(OFFSETS)
        found = run_starts(machine, starts)
    skeleton = trained.rule.weights()
    network = trained.gate.weights(skeleton.digest)
    model = Model(moved(skeleton, OFFSETS))
    states, looks = np.concatenate([model.encode(starts.damaged), starts.noise]), 0
    for step in range(1, LOOKS[-1] * SMALL.steps + 1):
        before = states
        states = model.step(states)
        model.add_deltas(states, network.deltas(model.planes(states)), step)
        if step == LOOKS[looks] * SMALL.steps:
            shown = model.readout(states[:DIGITS])
            if looks == 0:
                hurt = states[:DIGITS] * starts.living
                for later in range(step + 1, step + SMALL.steps + 1):
                    hurt = model.step(hurt)
                    model.add_deltas(hurt, network.deltas(model.planes(hurt)), later)
            np.testing.assert_allclose(
                found.digits[looks],
                [decibels(*pair) for pair in zip(shown, starts.originals, strict=True)],
            )
            looks += 1
    np.testing.assert_array_equal(found.moving, (states != before)[:DIGITS].sum((2, 3)))
    hurt = [decibels(*pair) for pair in zip(model.readout(hurt), starts.originals, strict=True)]
    assert found.hurt == pytest.approx(np.mean(hurt))
    assert 0.6 < starts.living.mean() < 0.8
    noise = [
        max(decibels(image, prototype) for prototype in starts.prototypes)
        for image in model.readout(states[DIGITS:])
    ]
    assert found.noise == pytest.approx(np.mean(noise))


def decibels(image, original):
    """Return the PSNR of an image."""
    return 10 * np.log10(255**2 / np.mean((image.astype(float) - original) ** 2))


def test_what_is_found_is_what_is_exported(learner, monkeypatch):
    trained, digits, options = learner
    before = trained.rule.weights()
    found = SimpleNamespace(run=lambda: None, offsets=OFFSETS)
    monkeypatch.setattr(settling, "Search", lambda *given: found)
    settle(trained, digits, options)
    assert trained.rule.weights().digest == moved(before, OFFSETS).digest


def test_a_run_says_what_it_tries(learner, capsys):
    settle(*learner)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 15
    assert lines[0].startswith("channel ")
    assert lines[-1].startswith("origins: ")
    assert lines[0].endswith(" dB")
