import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

import sw.model.proof as verify
import sw.runs.interruption as interruption
import sw.train.outcome as outcome
import sw.train.recipes as recipes
import sw.train.run as run
import sw.train.settle as settling
import sw.train.ship as ship
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.model import floats
from sw.train import calibrate, draw
from sw.train.calibrate import quantise
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.restore import run_supervised
from sw.train.run import train, train_batch

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Options of a run that takes a moment; its digits are corners of show digits."""
    images, labels = show_digits()
    corners = np.ascontiguousarray(images[:64, 8:16, 10:18])
    digits = Digits(corners, labels[:64], None, None, "corners")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: digits)
    finished = []
    monkeypatch.setattr(
        ship, "export", lambda learner, options, digits: finished.append(integers(learner))
    )
    options = Options(spec=SMALL, output=tmp_path, batches=5, qat_batches=4, batch=3, dropout=0.5)
    return options, finished


def drawn(images, options, stage, number):
    """Return the originals and the damaged digits of a batch."""
    return draw.draw(images, options, draw.random(options, stage, number))


def restored(learner, damaged, options):
    """Return what is shown of damaged digits after all steps."""
    *_, last = run_supervised(learner.machine(options.dropout), damaged, options)
    return last


def integers(learner):
    """Return everything a run ends with: the skeleton's digest, the gate and the parameters."""
    skeleton = learner.rule.weights()
    gate = learner.gate.weights()
    parts = [gate.hidden.weight, gate.hidden.bias, gate.output.weight, gate.output.bias]
    parameters = [p.detach().numpy().tobytes() for p in learner.parameters]
    return [skeleton.digest, *(part.tobytes() for part in parts), *parameters]


def broken_off(monkeypatch, options, number, what):
    """Train up to the batch of that number, all stages counted, where ``what`` happens."""
    count = 0

    def counting(*arguments):
        nonlocal count
        count += 1
        if count == number:
            what()
        return train_batch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run, "train_batch", counting)
        train(options)


@pytest.mark.parametrize("number", [1, 3, 5, 6, 8, 9])
def test_stopped_run_ends_as_an_unbroken_one(small, monkeypatch, number):
    options, finished = small
    train(options)

    again = replace(options, name="again")
    with pytest.raises(SystemExit) as stop:
        broken_off(monkeypatch, again, number, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert stop.value.code == 128 + signal.SIGTERM
    train(again)

    assert finished[0] == finished[1]


@pytest.mark.parametrize("number", [2, 6, 7, 10, 11])
def test_stopped_memory_run_ends_as_an_unbroken_one(small, monkeypatch, number):
    monkeypatch.setattr(outcome, "DIGITS", 32)
    monkeypatch.setattr(settling, "PASSES", 1)
    options = replace(small[0], recipe="memory", hold_batches=4, batch=10)
    train(options)

    again = replace(options, name="again")
    with pytest.raises(SystemExit):
        broken_off(monkeypatch, again, number, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(again)

    assert small[1][0] == small[1][1]


def test_run_begins_from_the_float_weights_of_another(small):
    options, finished = small
    train(options)
    train(replace(options, name="other", begin=str(options.folder / "float.safetensors")))

    weights = [np.frombuffer(run[5], np.float32) for run in finished]  # of the encoder
    assert np.abs(weights[0] - weights[1]).max() < 2e-3  # half precision, and no warm-up
    with pytest.raises(InputError, match="must hold the weights of this rule and gate"):
        train(
            replace(
                options,
                name="third",
                spec=replace(SMALL, multiplier=3),
                begin=str(options.folder / "float.safetensors"),
            )
        )


@pytest.mark.parametrize("number", [4, 8])
def test_run_goes_on_after_power_loss(small, monkeypatch, number):
    options, finished = small
    train(options)

    class PowerLoss(BaseException):
        pass

    def fail():
        raise PowerLoss

    again = replace(options, name="again")
    monkeypatch.setattr(interruption, "SAVE_SECONDS", 0.0)
    with pytest.raises(PowerLoss):
        broken_off(monkeypatch, again, number, fail)
    train(again)

    assert finished[0] == finished[1]
    names = sorted(path.name for path in again.folder.iterdir())
    assert names == ["checkpoint.pt", "float.safetensors", "latent.safetensors"]


def test_finished_run_is_not_trained_again(small, monkeypatch):
    options, finished = small
    train(options)
    monkeypatch.setattr(run, "train_batch", None)
    train(options)

    assert finished[0] == finished[1]


def test_seed_decides(small):
    options, finished = small
    train(options)
    train(replace(options, name="other", seed=1))

    assert finished[0][0] != finished[1][0]


def test_rejects_checkpoint_of_another_run(small):
    options, _ = small
    train(options)
    with pytest.raises(InputError) as error:
        train(replace(options, seed=1))

    path = options.folder / "checkpoint.pt"
    assert str(error.value) == (
        f"{path} must be of a run with these options and data: remove it to begin anew, "
        "or choose another folder than 'digits'"
    )


def test_rejects_broken_checkpoint(small):
    options, _ = small
    path = options.folder / "checkpoint.pt"
    path.parent.mkdir()
    path.write_bytes(b"half a check")
    with pytest.raises(InputError) as error:
        train(options)

    assert str(error.value) == f"{path} must be a checkpoint: remove it to begin anew"


def test_rejects_unwritable_output(small, tmp_path):
    options, _ = small
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/digits must be a writable folder"):
        train(replace(options, output=tmp_path / "file"))


def test_rejects_images_of_another_size(small):
    options, _ = small
    with pytest.raises(InputError) as error:
        train(replace(options, spec=replace(SMALL, image=6)))

    assert str(error.value) == "Training images must be 6 x 6, not 8 x 8"


def test_rejects_data_without_training_digits(small, monkeypatch):
    options, _ = small
    none = Digits(np.zeros((0, 8, 8), np.uint8), np.zeros(0, np.uint8), None, None, "nothing")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: none)
    with pytest.raises(InputError) as error:
        train(options)

    assert str(error.value) == ("Training data must have a digit that is not a show digit: nothing")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"device": "tpu"}, "device must be cpu or cuda, not 'tpu'"),
        ({"recipe": "forget"}, "recipe must be one of restore, memory, letters, not 'forget'"),
        ({"name": "../x"}, "name must be letters, digits, hyphens and underscores, not '../x'"),
        ({"batches": 0}, "batches must be at least 1, not 0"),
        ({"qat_batches": -1}, "qat_batches must be at least 0, not -1"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"damage": 1.0}, "damage must be from 0 to below 1, not 1.0"),
        ({"dropout": -0.5}, "dropout must be from 0 to below 1, not -0.5"),
        ({"rate": 0.0}, "rate must be above 0, not 0.0"),
    ],
)
def test_rejects_wrong_options(values, text):
    with pytest.raises(InputError) as error:
        Options(**values)

    assert str(error.value) == text


def test_batch_depends_on_seed_stage_and_number_alone():
    images = show_digits()[0]
    options = Options(noise=20.0)
    torch.manual_seed(1)
    first = drawn(images, options, "float", 7)
    chance = torch.rand(3)
    drawn(images, options, "float", 8)
    again = drawn(images, options, "float", 7)

    assert torch.equal(torch.rand(3), chance)
    for left, right in zip(first, again, strict=True):
        assert torch.equal(left, right)
    others = [
        drawn(images, options, "qat", 7),
        drawn(images, options, "float", 8),
        drawn(images, replace(options, seed=1), "float", 7),
    ]
    assert not any(torch.equal(first[1], other[1]) for other in others)


def test_damage_blanks_the_share_of_each_digit():
    images = np.full((10, 28, 28), 200, np.uint8)
    originals, damaged = drawn(images, Options(), "float", 0)

    assert originals.eq(200).all()
    assert damaged.eq(0).sum((1, 2)).tolist() == [549] * 32


def test_noise_leaves_pixels_codes():
    originals, damaged = drawn(show_digits()[0], Options(noise=30.0, damage=0.0), "float", 0)

    assert damaged.eq(damaged.round()).all()
    assert damaged.min() == 0
    assert damaged.max() == 255
    assert 10 < (damaged - originals).std() < 30


def test_dropout_changes_training_alone():
    options, dropping = Options(spec=SMALL), Options(spec=SMALL, dropout=0.5)
    learner = begin(options)
    with torch.no_grad():
        learner.gate.output.weight.normal_(generator=torch.Generator().manual_seed(0))
    images = torch.full((2, 8, 8), 100.0)

    assert torch.equal(restored(learner, images, options), restored(learner, images, options))
    assert not torch.equal(restored(learner, images, dropping), restored(learner, images, dropping))


def test_normalisation_leaves_the_float_function():
    options = Options(spec=SMALL, batch=4)
    corners = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
    learner = begin(options)
    for _ in range(10):
        train_batch(learner, corners, options)
    learner.take_averages()
    images = drawn(corners, options, "float", 0)[1]
    want = restored(learner, images, options)

    quantised = quantise(learner, corners, options)

    assert quantised.stage == "qat"
    changed = 0
    for parameter, folded in zip(learner.parameters, quantised.parameters, strict=True):
        changed += not torch.equal(parameter, folded)
        with torch.no_grad():
            parameter.copy_(folded)
    assert changed
    assert torch.equal(restored(learner, images, options), want)


def test_normalisation_spares_as_many_peaks_as_restores_best(monkeypatch):
    monkeypatch.setattr(draw, "CALIBRATION", 8)
    options = Options(spec=replace(Spec(), gate=None))
    learner = begin(options)
    floats.read(learner.rule, None, floats.find("digits-ca"))
    learner = replace(learner, averages=[])

    def chosen(*quantiles):
        monkeypatch.setattr(calibrate, "QUANTILES", quantiles)
        return quantise(learner, show_digits()[0], options).rule.weights().digest

    for order in ((0.5, 0.998), (0.998, 0.5)):  # at 0.5 half of all codes saturate
        assert chosen(*order) == chosen(0.998) != chosen(0.5)


def test_rule_without_gate_trains():
    options = Options(spec=replace(SMALL, gate=None), batch=2)
    corners = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
    learner = begin(options)
    train_batch(learner, corners, options)
    learner = quantise(learner, corners, options)
    train_batch(learner, corners, options)

    assert learner.gate is None
    assert learner.rule.weights().spec.gate is None


def test_whole_run_leaves_a_proven_skeleton(tmp_path, monkeypatch):
    images, labels = show_digits()
    digits = Digits(images[:64], labels[:64], images[64:84], labels[64:84], "show digits")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: digits)
    monkeypatch.setattr(ship, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(verify, "BLOCK", 4)
    options = Options(name="x", output=tmp_path, batches=2, qat_batches=1, batch=2, ship=True)
    train(options)

    for folder in (tmp_path / "x", tmp_path / "shipped" / "x"):
        skeleton = Skeleton.load(folder)
        GateNetwork.load(folder / "gate.safetensors").require_fit(skeleton, "gate")
        record = json.loads((folder / "provenance.json").read_text())
        assert record["skeleton"] == skeleton.digest
        assert record["command"] == (
            "thalweg train --data data --name x --batches 2 --qat-batches 1 --batch 2"
        )
        assert record["data"] == {"source": "show digits", "sha256": digits.digest}
        assert record["results"]["images"] == 20
        assert record["codes_equal_to_golden"] > 1_000_000
        assert str(tmp_path) not in json.dumps(record)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/provenance.json")), ids=str)
def test_shipped_provenance_is_of_the_shipped_skeleton(path):
    record = json.loads(path.read_text())
    skeleton = Skeleton.load(path.parent)

    assert record["skeleton"] == skeleton.digest
    if skeleton.spec.gate is not None:
        assert GateNetwork.load(path.parent / "gate.safetensors").skeleton == skeleton.digest
    assert record["results"]["rows"] == "test"
    of_digits = record["data"]["source"].startswith("mnist")
    assert record["results"]["images"] == (10_000 if of_digits else 598)
