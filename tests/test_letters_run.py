"""A gate that learns letters: what each part of the run is handed, and what its record says."""

import json
from dataclasses import replace

import numpy as np
import pytest

import sw.train.letters as letters
import sw.train.recipes as recipes
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.data.load import Digits
from sw.judge.evaluate import digits_to_judge
from sw.model.rebuild import gate_of, rule_of
from sw.train.identity import identity, reads
from sw.train.learner import Learner
from sw.train.letters import evaluate_letters, export, require_gate
from sw.train.options import Options
from sw.train.recipes import Letters

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2)
SPEC = Spec(height=8, width=8, channels=4, multiplier=2, steps=3, image=6, gate=GATE)


def data(level):
    """Six training and three test images of one grey level each."""
    images = np.full((6, 6, 6), level, np.uint8)
    labels = np.arange(6, dtype=np.uint8)
    return Digits(images, labels, images[:3] + 1, labels[:3], f"level {level}")


LETTERS, DIGITS = data(100), data(200)


@pytest.fixture
def begun(tmp_path):
    """Options of a run that begins with a small machine, and the machine."""
    rng, folder = np.random.default_rng(0), tmp_path / "machine"
    skeleton, gate = calibrated(SPEC, rng), network(SPEC, rng)
    skeleton.save(folder)
    gate.skeleton = skeleton.digest
    gate.save(folder / "gate.safetensors")
    options = Options(
        recipe="letters",
        begin=str(folder),
        letters="letters-lower",
        rehearsal="distilled",
        damage=0.5,
        batch=4,
        batches=2,
        data=tmp_path / "data",
        output=tmp_path / "out",
    )
    return options, Skeleton.load(folder), GateNetwork.load(folder / "gate.safetensors")


def test_a_run_hands_each_part_its_own_data(begun, monkeypatch):
    options, skeleton, gate = begun
    loaded, exported = [], []

    def load(folder, *, name="mnist", download=False):
        loaded.append((folder, name, download))
        return DIGITS if name == "mnist" else LETTERS

    monkeypatch.setattr(recipes, "load", load)
    monkeypatch.setattr(letters, "export", lambda *given: exported.extend(given))
    recipe = Letters.load(options)
    told, machine = replace(options, spec=SPEC), recipe.machine[0]
    assert recipe.options == told, "the lattice is the skeleton's"
    assert recipe.digits is LETTERS and recipe.known is DIGITS
    assert (machine.digest, recipe.machine[1].skeleton) == (skeleton.digest, gate.skeleton)
    assert loaded == [(options.data, "letters-lower", False), (options.data, "mnist", True)]

    checkpoint = recipe.checkpoint()
    assert checkpoint.path == options.folder / "checkpoint.pt"
    assert checkpoint.identity == identity(told, reads(options, LETTERS, DIGITS))
    recipe.settle("learner")
    recipe.export("learner")
    assert exported[:2] == ["learner", told] and exported[2] is machine
    assert exported[3] is LETTERS and exported[4] is DIGITS


@pytest.mark.parametrize("kept", [False, True])
def test_a_run_begins_with_the_machine_or_goes_on_with_its_checkpoint(begun, monkeypatch, kept):
    options, skeleton, gate = begun
    recipe = Letters(options, LETTERS, DIGITS, (skeleton, gate))
    saved = Learner(rule=rule_of(skeleton), gate=gate_of(gate, SPEC), stage="letters", batch=1)
    monkeypatch.setattr(recipes, "rehearsal", lambda *given: given)
    checkpoint = recipe.checkpoint()
    if kept:
        checkpoint.save(saved.state(), "letters", 1)
    assert checkpoint.exists() == kept
    found = recipe.resume(checkpoint) if kept else recipe.begin()

    kind, machine, old, images, damage = found.rehearsal
    assert (kind, damage) == ("distilled", 0.5)
    assert machine is skeleton and old is gate and images is DIGITS.train_images
    assert (found.stage, found.batch) == ("letters", int(kept))
    assert found.rule.weights(skeleton.name).digest == skeleton.digest
    np.testing.assert_array_equal(found.gate.weights().hidden.weight, gate.hidden.weight)


def exported(begun, monkeypatch, **values):
    """Export a learner whose gate has learnt; return what the parts were handed."""
    options, skeleton, _ = begun
    options = replace(options, spec=SPEC, **values)
    new = network(SPEC, np.random.default_rng(9))
    learner = Learner(rule=rule_of(skeleton), gate=gate_of(new, SPEC), stage="letters")
    learner.seconds = 1234.4
    clock, seen = iter([50.0, 57.6]), {}

    def prove(rule, gate, machine, network, damaged):
        seen["proven"] = rule is learner.rule and gate is learner.gate and machine is skeleton
        seen["damaged"], seen["network"] = damaged, network
        return 7

    monkeypatch.setattr(letters, "prove_random", prove)
    monkeypatch.setattr(letters, "PROVEN", 2)
    monkeypatch.setattr(letters, "SHIPPED", options.output / "shipped")
    monkeypatch.setattr(letters.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(
        letters,
        "evaluate_letters",
        lambda machine, network, sets, told: {
            "gate": network.hidden.bias.tolist(),
            "sets": {
                name: [len(each.images), int(each.images.max())] for name, each in sets.items()
            },
        },
    )
    export(learner, options, skeleton, LETTERS, DIGITS)
    return options, new, seen


def test_the_record_says_where_a_gate_comes_from(begun, monkeypatch):
    _, skeleton, old = begun
    options, new, seen = exported(begun, monkeypatch)
    stem = options.folder / "gate-letters-lower-distilled"
    record = json.loads(stem.with_suffix(".json").read_text())
    sets = {"letters-lower": [3, 101], "digits": [3, 201]}

    assert seen["proven"] and seen["network"].skeleton == skeleton.digest
    np.testing.assert_array_equal(seen["damaged"], blank(LETTERS.test_images[:2], range(2), 0.5))
    assert record["codes_equal_to_golden"] == 7
    assert record["results"] == {"gate": new.hidden.bias.tolist(), "sets": sets}
    assert record["before"] == {"gate": old.hidden.bias.tolist(), "sets": sets}
    assert record["seconds"] == {"training": 1234, "proof": 8}
    assert record["data"] == {"source": "level 100", "sha256": LETTERS.digest}
    assert record["skeleton"] == skeleton.digest
    assert GateNetwork.load(stem.with_suffix(".safetensors")).skeleton == skeleton.digest
    assert not (options.output / "shipped").exists()


@pytest.mark.parametrize(("kind", "ending"), [("stored", "stored"), ("none", "only")])
def test_a_gate_that_ships_lies_beside_its_skeleton(begun, monkeypatch, kind, ending):
    options, _, _ = exported(begun, monkeypatch, ship=True, rehearsal=kind)
    folder = options.output / "shipped" / begun[1].name
    assert begun[1].name != options.name
    for place in (folder, options.folder):
        names = sorted(path.name for path in place.iterdir())
        assert names == [f"gate-letters-lower-{ending}.{end}" for end in ("json", "safetensors")]


def test_letters_are_measured_in_decibels_alone(begun, monkeypatch, capsys):
    options, skeleton, gate = begun
    asked, chosen, parts = [], [], ("blanked", "restored", "pasted", "originals")

    def evaluate(device, network, tests, *, steps, share):
        asked.append((network is gate, tests.images.max(), steps, share))
        value = float(len(asked))
        return {part: {"psnr_mean": 10 * value, "digit_id": value} for part in parts}

    def choose(device, index):
        chosen.append((device.skeletons[0] is skeleton, index))

    monkeypatch.setattr(letters, "evaluate", evaluate)
    monkeypatch.setattr(letters.GoldenDevice, "choose", choose)
    sets = {"letters-lower": digits_to_judge(LETTERS), "digits": digits_to_judge(DIGITS)}
    found = evaluate_letters(skeleton, gate, sets, options)

    assert found == {
        "letters-lower": {part: {"psnr_mean": 10.0} for part in parts},
        "digits": {part: {"psnr_mean": 20.0, "digit_id": 2.0} for part in parts},
    }
    assert asked == [(True, 101, 3, 0.5), (True, 201, 3, 0.5)]
    assert chosen[-1] == (True, 0)
    assert capsys.readouterr().err == "letters-lower: 10.00 dB\ndigits: 20.00 dB\n"


def test_the_gate_that_is_there_is_the_one_to_train(begun):
    assert require_gate(begun[1], begun[2]) == (begun[1], begun[2])
