"""What can be changed in training, beside the defaults that the skeletons were trained with."""

import os
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

import sw.model.proof as verify
import sw.train.ship as ship
from golden.errors import InputError
from golden.samples import network
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.experiments.baselines.run import restore_images as baseline_restored
from sw.model.baselines.shelf import load_shipped
from sw.model.gate import CutNetwork, cut
from sw.model.proof import prove_random
from sw.train.calibrate import quantise
from sw.train.draw import draw, random
from sw.train.learner import begin
from sw.train.losses import closeness, squared_error
from sw.train.options import Options, spec_for
from sw.train.plans import RECIPES
from sw.train.restore import restore
from sw.train.run import train_batch
from sw.train.teacher import aim
from tests.test_train import restored

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(options, batches=6):
    """Return a learner after some batches in float and of QAT."""
    learner = begin(options)
    for _ in range(batches):
        train_batch(learner, CORNERS, options)
    learner = quantise(learner, CORNERS, options)
    for _ in range(batches):
        train_batch(learner, CORNERS, options)
    learner.take_averages()
    return learner


@pytest.mark.parametrize(
    "values",
    [{"weight_bits": 5}, {"plane_bits": 4}, {"weight_bits": 5, "plane_bits": 4}],
    ids=str,
)
def test_narrow_codes_equal_golden(monkeypatch, values):
    monkeypatch.setattr(verify, "BLOCK", 4)
    learner = trained(Options(spec=SMALL, batch=4, batches=6, qat_batches=6, **values))
    with torch.no_grad():  # a gate that acts from the first batch on
        learner.gate.output.weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    skeleton = learner.rule.weights()
    gate = learner.gate.weights(skeleton.digest)

    assert isinstance(gate, CutNetwork) == ("plane_bits" in values)
    assert prove_random(learner.rule, learner.gate, skeleton, gate, CORNERS[:4]) > 10_000


def test_weights_of_five_bits_fill_their_codes():
    learner = trained(Options(spec=SMALL, batch=4, batches=6, qat_batches=6, weight_bits=5))
    skeleton = learner.rule.weights()

    for layer in (skeleton.perceive, skeleton.update):
        largest = np.abs(layer.weight.reshape(len(layer.bias), -1)).max(1)
        assert largest.max() <= 15
        assert np.median(largest) >= 8
    assert np.abs(skeleton.encode.weight).max() > 15


def test_gate_reads_the_upper_bits_of_a_plane():
    planes = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    spec = Spec(height=16, width=16, channels=2, image=4, gate=GATE)
    whole = network(spec, np.random.default_rng(0))
    part = CutNetwork(whole.hidden, whole.output, skeleton=None, bits=4)
    upper = planes.astype(int) // 16 * 16

    np.testing.assert_array_equal(part.deltas(planes), whole.deltas(upper.astype(np.int8)))
    assert (part.deltas(planes) != whole.deltas(planes)).any()
    codes = torch.from_numpy(planes).float().requires_grad_()
    found = cut(codes, 4)
    np.testing.assert_array_equal(found.detach().numpy(), upper)
    assert torch.autograd.grad(found.sum(), codes)[0].eq(1).all()
    assert cut(codes, 8) is codes


def test_every_step_is_supervised():
    last, every = (Options(spec=SMALL, batch=4, supervise=which) for which in ("last", "every"))
    learner = trained(replace(every, batches=6, qat_batches=6))
    learner.batch = 7
    originals, damaged = draw(CORNERS, every, random(every, "qat", 7))
    losses = []
    for steps in range(1, SMALL.steps + 1):
        learner.rule.spec = replace(SMALL, steps=steps)
        losses.append(closeness(squared_error(restored(learner, damaged, last), originals), last))
    found = restore(learner, CORNERS, every)

    assert found.value.item() == pytest.approx(sum(losses).item() / 3, rel=1e-6)
    assert restore(learner, CORNERS, last).value.item() == losses[-1].item()
    assert torch.equal(found.errors, restore(learner, CORNERS, last).errors)


def test_without_averaging_the_last_parameters_are_exported():
    learners = {}
    for averaging in (0.0, 0.999):
        options = Options(spec=SMALL, batch=4, averaging=averaging)
        learner = learners[averaging] = begin(options)
        for _ in range(3):
            train_batch(learner, CORNERS, options)
    for last, mean in zip(learners[0.0].parameters, learners[0.999].parameters, strict=True):
        assert torch.equal(last, mean)
    for left, right in zip(learners[0.0].averages, learners[0.0].parameters, strict=True):
        assert torch.equal(left, right)
    assert not torch.equal(learners[0.999].averages[0], learners[0.999].parameters[0])


def test_adam_takes_the_place_of_soap():
    options = Options(spec=SMALL, batch=4, optimiser="adam", rate=4e-3, batches=6, qat_batches=6)
    usual = begin(replace(options, optimiser="soap", rate=2e-2))
    for learner in (begin(options), trained(options)):
        names = [type(optimiser).__name__ for optimiser in learner.optimisers]
        assert names == ["Adam", "Adam"]
    train_batch(learner := begin(options), CORNERS, options)
    train_batch(usual, CORNERS, replace(options, optimiser="soap", rate=2e-2))
    rates = [each.optimisers[1].param_groups[0]["lr"] for each in (learner, usual)]
    assert rates[0] == pytest.approx(rates[1])  # the gate's is the same


def test_a_teacher_makes_half_of_the_aim():
    options = Options(batch=3, teacher="autoencoder")
    originals, damaged = draw(show_digits()[0], options, random(options, "float", 0))
    found = aim(originals, damaged, options)
    taught = baseline_restored(load_shipped("autoencoder"), damaged.numpy().astype(np.uint8))

    np.testing.assert_allclose(found, (originals.numpy() + taught) / 2, atol=0.26)
    assert aim(originals, damaged, Options(batch=3)) is originals


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"supervise": "none"}, "supervise must be last or every, not 'none'"),
        ({"optimiser": "sgd"}, "optimiser must be soap or adam, not 'sgd'"),
        ({"averaging": 1.0}, "averaging must be from 0 to below 1, not 1.0"),
        ({"weight_bits": 4}, "weight_bits must be 5 or 8, not 4"),
        ({"plane_bits": 6}, "plane_bits must be 4 or 8, not 6"),
        (
            {"plane_bits": 4, "ship": True},
            "plane_bits must be 8 in a skeleton that ships, not 4",
        ),
        (
            {"plane_bits": 4, "spec": spec_for("restore", False)},
            "plane_bits must be 8 without a gate, not 4",
        ),
        (
            {"supervise": "every", "recipe": "letters", "begin": "digits"},
            "supervise must be last for recipe letters, not 'every'",
        ),
        (
            {"after": "digits"},
            "after must be None for recipe restore, not 'digits'",
        ),
        (
            {"weight_bits": 5, "recipe": "letters", "begin": "digits"},
            "weight_bits must be 8 for recipe letters, not 5",
        ),
        ({"teacher": "me"}, "teacher must be one of autoencoder, unet, mlp, not 'me'"),
        (
            {"teacher": "autoencoder", "spec": SMALL},
            "spec.image must be 28 with a teacher, not 8",
        ),
    ],
)
def test_rejects_wrong_options(values, text):
    with pytest.raises(InputError) as error:
        Options(**values)

    assert str(error.value) == text


def test_rejects_a_teacher_without_weights(monkeypatch, tmp_path):
    monkeypatch.setattr("sw.model.baselines.shelf.weights_of.__defaults__", (tmp_path,))
    with pytest.raises(InputError) as error:
        Options(teacher="unet")

    assert str(error.value) == (
        f"{tmp_path / 'unet.safetensors'} must be there: thalweg baseline unet --ship makes it"
    )


def test_a_gate_of_cut_planes_is_not_left_to_be_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(ship, "prove_random", lambda *models: 1)
    monkeypatch.setattr(ship, "evaluate_skeleton", lambda *arguments: {})
    options = Options(spec=SMALL, batch=4, batches=6, qat_batches=6, plane_bits=4, output=tmp_path)
    digits = Digits(CORNERS, np.zeros(64, np.uint8), CORNERS, np.zeros(64, np.uint8), "corners")
    ship.export(trained(options), options, digits)

    assert "left out gate.safetensors" in capsys.readouterr().err
    names = sorted(path.name for path in options.folder.iterdir())
    assert names == ["provenance.json", "skeleton.json"]


def test_quantisation_takes_half_as_many_batches_as_the_warm_up():
    assert Options(batches=8).stages() == {"float": 8, "qat": 4}
    assert Options(batches=8, qat_batches=1, begin="digits").stages() == {"float": 0, "qat": 1}
    memory = Options(recipe="memory", batches=8, begin="digits")
    assert memory.stages() == {"float": 0, "hold": 2, "qat": 4}


def test_memory_is_trained_by_plain_errors_unless_told():
    found = {recipe: Options(recipe=recipe, begin="digits").criterion for recipe in RECIPES}
    assert found == {"restore": "psnr", "memory": "mse", "letters": "psnr"}
    assert Options(recipe="memory", loss="psnr").criterion == "psnr"


@pytest.mark.parametrize("batch", [1, 2])
def test_a_batch_to_hold_has_room_for_all_kinds(batch):
    text = f"^batch must be at least 3 for recipe memory, not {batch}$"
    with pytest.raises(InputError, match=text):
        Options(recipe="memory", batch=batch)
    assert Options(recipe="memory", batch=3).batch == 3


def test_a_commit_is_that_of_the_code_and_not_of_the_users_own_work(monkeypatch, tmp_path):
    ours = ship.commit()
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # as in a hook
    assert ship.commit() == ours
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True, env={"PATH": os.defpath})
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.setattr(ship, "ROOT", tmp_path)  # installed below another repository
    assert ship.commit() is None
