"""The public surface: what `sw.api` gives equals golden, and refuses in one line."""

import numpy as np
import pytest
import torch

from golden.device import GoldenDevice, restore, trace
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.model import Model
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED, Skeleton
from sw import api as thalweg
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.train.options import Options, spec_for
from tests.shelf import SPEC

DAMAGED = blank(show_digits()[0][:6], range(6), 0.7)


@pytest.fixture
def parts(folder):
    skeleton = Skeleton.load(folder)
    return skeleton, GateNetwork.load(folder / "gate.safetensors")


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("steps", [None, 0, 3, 14])
def test_a_restorer_equals_golden(folder, parts, gated, steps):
    skeleton, gate = parts
    restorer = thalweg.load(folder, gated=gated)
    gate = gate if gated else None
    want = restore(GoldenDevice((skeleton,)), gate, DAMAGED, 10 if steps is None else steps)
    np.testing.assert_array_equal(restorer.restore(DAMAGED, steps), want)
    states = restorer.trace(DAMAGED, steps)
    device = GoldenDevice((skeleton,))
    device.load_images(DAMAGED)
    np.testing.assert_array_equal(states, trace(device, gate, states.shape[1] - 1))
    np.testing.assert_array_equal(restorer.show(states)[:, -1], want)


def test_a_trace_of_more_images_than_a_device_holds_goes_batch_by_batch(parts):
    skeleton, gate = parts
    few = thalweg.Restorer(skeleton, gate, GoldenDevice((skeleton,), contexts=4))
    many = thalweg.Restorer(skeleton, gate)
    np.testing.assert_array_equal(few.trace(DAMAGED, 3), many.trace(DAMAGED, 3))
    assert few.trace(DAMAGED[:0], 3).shape == (0, 4, *SPEC.lattice)


def test_tensors_and_views_are_taken(folder):
    restorer = thalweg.load(folder)
    want = restorer.restore(DAMAGED)
    np.testing.assert_array_equal(restorer.restore(torch.from_numpy(DAMAGED)), want)
    np.testing.assert_array_equal(restorer.restore(DAMAGED[::-1]), want[::-1])
    states = restorer.trace(torch.from_numpy(DAMAGED), 2)
    shown = restorer.show(torch.from_numpy(states))
    np.testing.assert_array_equal(shown[3, 1], Model(restorer.skeleton).readout(states[3, 1:2])[0])
    np.testing.assert_array_equal(restorer.show(states[3, 1]), shown[3, 1])


def test_a_gate_may_be_another(folder, parts, tmp_path):
    skeleton, _ = parts
    other = network(SPEC, np.random.default_rng(7))
    other.save(tmp_path / "other.safetensors")
    restorer = thalweg.load(folder, gate=tmp_path / "other.safetensors")
    want = restore(GoldenDevice((skeleton,)), other, DAMAGED, 10)
    np.testing.assert_array_equal(restorer.restore(DAMAGED), want)


def test_damage_is_that_of_the_measurements():
    images = show_digits()[0]
    np.testing.assert_array_equal(thalweg.blank(images[:6]), DAMAGED)
    np.testing.assert_array_equal(
        thalweg.blank(images[4:6], 0.25, first=4), blank(images[4:6], range(4, 6), 0.25)
    )


def test_bad_input_is_one_line(folder, parts):
    restorer = thalweg.load(folder)
    with pytest.raises(InputError, match=r"^Images must be uint8 \(n, 28, 28\), not float64 \(6"):
        restorer.restore(DAMAGED / 255)
    with pytest.raises(InputError, match=r"^Images must be uint8 \(n, 28, 28\), not uint8 \(6, 9"):
        restorer.trace(DAMAGED[:, :9])
    with pytest.raises(InputError, match=r"^Steps must be an integer from 0 to 2147483647, not -1"):
        restorer.trace(DAMAGED, -1)
    with pytest.raises(InputError, match=r"^States must be int8 \(n, 16, 32, 32\), not int64"):
        restorer.show(np.zeros((2, 16, 32, 32), np.int64))
    with pytest.raises(InputError, match=r"^States must be int8 \(n, 16, 32, 32\), not int8 \(4"):
        restorer.show(np.zeros((4, 4), np.int8))
    with pytest.raises(InputError, match=r"^A gate must not be given together with gated=False$"):
        thalweg.load(folder, gate="g", gated=False)
    with pytest.raises(InputError, match=r"^--device must be golden, simulated or serial:PORT"):
        thalweg.load(folder, device="gold")
    with pytest.raises(InputError, match=r"^Skeleton must be a folder with a skeleton.json or one"):
        thalweg.load("nothing")
    with pytest.raises(InputError, match=r"^The gate needs a skeleton with a gate; calibrated has"):
        thalweg.Restorer(calibrated(SPEC.ungated, np.random.default_rng(0)), parts[1])


def test_training_takes_an_array_without_show_digits(monkeypatch, calls, tmp_path):
    made = tmp_path / "x"
    Skeleton.load(SHIPPED / "digits-ca").save(made)
    monkeypatch.setattr("sw.api.training.run", calls.fake("train"))
    drawings = 255 - show_digits()[0][:5]
    given = np.concatenate([show_digits()[0][:3], drawings])
    found = thalweg.train(
        given, "x", folder=tmp_path, gated=False, multiplier=5, batches=7, qat_batches=3
    )
    assert found.network is None and found.spec == Skeleton.load(made).spec
    (options, digits), _ = calls.of("train")
    spec = spec_for("restore", False, multiplier=5)
    assert options == Options(name="x", output=tmp_path, batches=7, qat_batches=3, spec=spec)
    np.testing.assert_array_equal(digits.train_images, drawings)
    assert digits.source == "an array of 8 images" and digits.test_images is None


def test_training_refuses_what_it_cannot_learn_from(tmp_path):
    digits = show_digits()[0]
    with pytest.raises(InputError, match=r"^Images must be uint8 \(n, 28, 28\), not uint8 \(9, 8"):
        thalweg.train(digits[:9, :8, :8], "x", folder=tmp_path)
    with pytest.raises(InputError, match=r"^batches must be at least 1, not 0$"):
        thalweg.train(digits, "x", folder=tmp_path, batches=0)
    with pytest.raises(InputError, match=r"^Training data must have a digit that is not a show"):
        thalweg.train(digits, "x", folder=tmp_path)
    with pytest.raises(TypeError, match="batchez"):
        thalweg.train(digits, "x", folder=tmp_path, batchez=1)
