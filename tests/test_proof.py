"""The proof that Brevitas equals golden: every code is compared, and the first wrong one named."""

from dataclasses import replace

import numpy as np
import pytest

import sw.model.proof as verify
import sw.train.letters as letters
import sw.train.recipes as recipes
import sw.train.ship as ship
from golden.errors import Difference
from golden.gate import GateNetwork
from golden.model import Model
from golden.samples import adversarial_states, calibrated, network
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.model.rebuild import gate_of, rule_of
from sw.train.learner import Learner
from sw.train.options import Options
from tests.runs import CORNERS

GATE = Gate(input_channel=0, output_channel=1, start=2, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def models():
    rng = np.random.default_rng(0)
    skeleton, gate = calibrated(SMALL, rng), network(SMALL, rng)
    return rule_of(skeleton), gate_of(gate, SMALL), skeleton, gate


def test_every_code_is_compared(monkeypatch, models):
    monkeypatch.setattr(verify, "BLOCK", 4)
    lattice, delta, image = 4 * 100, 25, 64
    falls = 3 * lattice + 2 * (delta + lattice) + image  # the gate opens after steps 2 and 3
    assert verify.prove(*models, CORNERS[:5]) == 5 * (lattice + falls)
    count = len(adversarial_states(SMALL)) + 4
    assert verify.prove(*models, None, adversarial_states(SMALL)) == (count - 4) * falls
    assert verify.prove_random(*models, CORNERS[:6]) == 10 * (lattice + falls) + count * falls
    ungated = rule_of(models[2]), None, models[2], None
    assert verify.prove(*ungated, CORNERS[:1]) == lattice + 3 * lattice + image


PLANTS = {
    "encode": (
        Model,
        "encode",
        (2, 3, 4, 5),
        "encode: 1 of 1,200",
        "sample 2 channel 3 row 4 column 5",
    ),
    "step": (
        Model,
        "step",
        (0, 3, 9, 8),
        "step 1: 1 of 1,200",
        "sample 0 channel 3 row 9 column 8",
    ),
    "delta": (GateNetwork, "deltas", (1, 24), "delta after step 2: 1 of 75", "sample 1 unit 24"),
    "readout": (Model, "readout", (2, 7, 6), "read-out: 1 of 192", "sample 2 row 7 column 6"),
}
"""Where a wrong code is planted, and what is said of it."""


def plant(monkeypatch, owner, name, place):
    """Have a function of golden give one code that is one off."""
    work = getattr(owner, name)

    def wrong(self, *given):
        found = work(self, *given).copy()
        found[place] ^= 1
        return found

    monkeypatch.setattr(owner, name, wrong)


@pytest.mark.parametrize("which", PLANTS)
def test_the_first_wrong_code_is_named(monkeypatch, models, which):
    owner, name, place, what, where = PLANTS[which]
    plant(monkeypatch, owner, name, place)
    with pytest.raises(Difference) as error:
        verify.prove(*models, CORNERS[:3])

    said = str(error.value)
    assert said.startswith(f"{what} codes differ from golden, first {where}: ")
    got, wanted = said.rpartition(": ")[2].split(", not ")
    assert abs(int(got) - int(wanted)) == 1


def test_a_delta_that_is_added_wrongly_is_named(monkeypatch, models):
    add = Model.add_deltas

    def wrong(self, states, deltas, step):
        add(self, states, deltas, step)
        states[0, 1, 0, 0] ^= 1

    monkeypatch.setattr(Model, "add_deltas", wrong)
    with pytest.raises(Difference, match=r"^gated step 2: 1 of 400 .* channel 1 row 0 column 0: "):
        verify.prove(*models, CORNERS[:1])


def test_a_rule_that_rounds_otherwise_is_found(models):
    rule, gate, skeleton, net = models
    other = replace(skeleton.update, bias=skeleton.update.bias + (1 << skeleton.update.shift.max()))
    with pytest.raises(Difference, match=r"^step 1: "):
        verify.prove(rule, gate, replace(skeleton, update=other), net, CORNERS[:2])


def test_training_whose_proof_fails_ends_with_1_and_says_where(thalweg, monkeypatch, tmp_path):
    images, labels = show_digits()
    digits = Digits(images[:64], labels[:64], images[64:68], labels[64:68], "show digits")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: digits)
    monkeypatch.setattr(ship, "PROVEN", 2)
    monkeypatch.setattr("sw.train.calibrate.QUANTILES", (0.998,))
    monkeypatch.setattr("sw.train.draw.CALIBRATION", 4)
    plant(monkeypatch, Model, "step", (1, 3, 9, 8))
    few = ("--batches", 1, "--qat-batches", 1, "--batch", 2)
    code, out, err = thalweg("train", *few, "--name", "x", "--output", tmp_path)

    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith(
        "thalweg: step 1: 1 of 32,768 codes differ from golden, "
        "first sample 1 channel 3 row 9 column 8: "
    )
    assert not (tmp_path / "x" / "skeleton.json").exists()


def test_a_rule_that_changed_under_its_letters_is_a_difference(models, tmp_path):
    rule, gate, skeleton, _ = models
    changed = replace(skeleton, encode=replace(skeleton.encode, bias=skeleton.encode.bias ^ 1))
    learner = Learner(rule=rule, gate=gate, stage="letters")
    options = Options(recipe="letters", begin="digits", output=tmp_path)
    with pytest.raises(Difference, match="has changed while its gate learnt"):
        letters.export(learner, options, changed, None, None)


def test_a_proof_goes_through_all_images_and_through_chance(monkeypatch, models):
    asked = []
    monkeypatch.setattr(verify, "prove", lambda *given: asked.append(given) or 10)
    monkeypatch.setattr(verify, "BLOCK", 4)
    images = np.arange(9, dtype=np.uint8).reshape(9, 1, 1) * np.ones((9, 8, 8), np.uint8)
    assert verify.prove_random(*models, images, seed=3) == 50
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (4, 8, 8)).astype(np.uint8)
    chance = rng.integers(-128, 128, (4, *SMALL.lattice)).astype(np.int8)

    assert all(given[:4] == models for given in asked)
    blocks = [given[4] for given in asked]
    assert [len(block) for block in blocks[:3]] == [4, 4, 1]
    np.testing.assert_array_equal(np.concatenate(blocks[:3]), images)
    np.testing.assert_array_equal(blocks[3], noise)
    assert blocks[4] is None
    wanted = np.concatenate([adversarial_states(SMALL), chance])
    np.testing.assert_array_equal(asked[4][5], wanted)


def test_the_states_that_a_proof_begins_with_stay(models):
    states = adversarial_states(SMALL)
    before = states.copy()
    verify.prove(*models, None, states)
    np.testing.assert_array_equal(states, before)
