"""A gate that learns letters while the rule stays, and what it rehearses."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

import sw.model.proof as verify
import sw.train.letters as letters
import sw.train.recipes as recipes
import sw.train.rehearsal as rehearsals
import sw.train.run as run
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.train.options import Options
from sw.train.rehearsal import deform, rehearsal
from sw.train.run import train

SMALL = Spec(
    height=8,
    width=8,
    channels=4,
    multiplier=2,
    steps=3,
    image=6,
    gate=Gate(input_channel=0, output_channel=1, start=1, every=2),
)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def options(tmp_path, monkeypatch):
    images, labels = show_digits()
    digits = Digits(images[:64], labels[:64], images[64:68], labels[64:68], "show digits")
    turned = np.ascontiguousarray(images[:64].transpose(0, 2, 1))
    marks = np.array([1, 9, 10, 25], np.uint8)  # letters are more than ten
    others = Digits(turned, labels[:64], turned[:4], marks, "turned digits")
    monkeypatch.setattr(
        recipes, "load", lambda data, name="mnist", **_: digits if name == "mnist" else others
    )
    monkeypatch.setattr(verify, "BLOCK", 4)
    monkeypatch.setattr(letters, "PROVEN", 4)
    monkeypatch.setattr(rehearsals, "COUNT", 4)
    monkeypatch.setattr(rehearsals, "ASLEEP", 3)
    return Options(
        name="x", output=tmp_path, recipe="letters", begin="digits", batches=3, batch=4, rate=0.5
    )


@pytest.mark.parametrize("kind", ["stored", "distilled", "dreams", "none"])
def test_gate_learns_and_rule_stays(options, kind):
    train(replace(options, rehearsal=kind))
    name = kind.replace("none", "only")

    skeleton = Skeleton.load(SHIPPED / "digits")
    before = GateNetwork.load(SHIPPED / "digits" / "gate.safetensors")
    after = GateNetwork.load(options.folder / f"gate-letters-upper-{name}.safetensors")
    assert after.skeleton == skeleton.digest
    assert (after.hidden.weight != before.hidden.weight).any()
    record = json.loads((options.folder / f"gate-letters-upper-{name}.json").read_text())
    assert record["skeleton"] == skeleton.digest
    assert record["codes_equal_to_golden"] > 1_000_000
    assert "digit_id" not in record["results"]["letters-upper"]["restored"]
    assert record["results"]["digits"]["images"] == 4
    assert record["before"]["digits"] != record["results"]["digits"]


def test_before_is_what_the_old_gate_does(options, monkeypatch):
    seen = []

    def measured(skeleton, gate, sets, told):
        seen.append(gate)
        return {"measured": len(seen)}

    monkeypatch.setattr(letters, "evaluate_letters", measured)
    monkeypatch.setattr(letters, "prove_random", lambda *given: 1)
    train(options)
    old = GateNetwork.load(SHIPPED / "digits" / "gate.safetensors")
    new = GateNetwork.load(options.folder / "gate-letters-upper-stored.safetensors")
    record = json.loads((options.folder / "gate-letters-upper-stored.json").read_text())

    for name, gate in (("results", new), ("before", old)):
        used = seen[record[name]["measured"] - 1]
        for layer in ("hidden", "output"):
            for part in ("weight", "bias", "shift"):
                one, other = (getattr(getattr(each, layer), part) for each in (used, gate))
                np.testing.assert_array_equal(one, other)
    assert (old.hidden.weight != new.hidden.weight).any()


def test_stopped_run_ends_as_an_unbroken_one(options, monkeypatch):
    train(options)
    again = replace(options, name="again")
    work = run.train_batch

    def stopping(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return work(*arguments)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(run, "train_batch", stopping)
        train(again)
    assert stop.value.code == 128 + signal.SIGTERM
    train(again)

    gates = [
        (one.folder / "gate-letters-upper-stored.safetensors").read_bytes()
        for one in (options, again)
    ]
    assert gates[0] == gates[1]


def test_rejects_a_skeleton_without_gate(options, tmp_path):
    calibrated(replace(SMALL, gate=None), np.random.default_rng(0)).save(tmp_path / "bare")
    with pytest.raises(InputError, match="must have a gate to learn letters"):
        train(replace(options, begin=str(tmp_path / "bare")))
    with pytest.raises(InputError, match="begin must be a skeleton with a gate"):
        Options(recipe="letters")


def test_what_is_rehearsed(monkeypatch):
    monkeypatch.setattr(rehearsals, "COUNT", 6)
    rng = np.random.default_rng(0)
    machine = calibrated(SMALL, rng), network(SMALL, rng)
    digits = rng.integers(0, 256, (9, 6, 6), dtype=np.uint8)

    assert rehearsal("none", *machine, digits, 0.7) is None
    stored = rehearsal("stored", *machine, digits, 0.7)
    assert stored.originals is digits
    assert stored.damaged is None
    distilled = rehearsal("distilled", *machine, digits, 0.7)
    assert (distilled.damaged == 0).sum(axis=(1, 2)).min() >= 25
    assert not (distilled.originals == digits[:6]).all()
    dreams = rehearsal("dreams", *machine, digits, 0.7)
    assert dreams.originals.shape == (6, 6, 6)
    assert (dreams.damaged == 0).sum(axis=(1, 2)).min() >= 25

    known, given = distilled.pick(np.random.default_rng(1), 4)
    assert known.shape == given.shape == (4, 6, 6)


def test_deformed_images_are_alike_but_never_the_same():
    images, _ = show_digits()
    copies = np.repeat(images[:4], 50, axis=0)
    found = deform(copies)

    assert found.shape == copies.shape
    assert found.dtype == np.uint8
    assert len(np.unique(found, axis=0)) == len(found)
    ink = found.mean((1, 2)) / copies.mean((1, 2))
    assert 0.8 < ink.mean() < 1.25
    assert np.median(abs(ink - 1)) < 0.3
    means = found.reshape(4, 50, -1).mean(1)
    likeness = np.corrcoef(np.concatenate([means, images[:4].reshape(4, -1)]))[:4, 4:]
    assert (likeness.argmax(1) == range(4)).all(), "each is still most like itself"


def test_digits_are_not_taken_for_letters(options, monkeypatch):
    images, labels = show_digits()
    digits = Digits(images[:8], labels[:8], images[8:9], labels[8:9], "show digits")
    monkeypatch.setattr(recipes, "load", lambda *_, **__: digits)
    with pytest.raises(InputError, match=r"^Data set 'letters-upper' must be another than the d"):
        train(options)
