"""What a caller has set in PyTorch changes no number of ours, and stays set."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import sw.model.proof as verify
import sw.train.recipes as recipes
import sw.train.ship as ship
from golden.samples import calibrated, network
from sw.data.load import Digits, show_digits
from sw.experiments.baselines.closed import ClosedForms
from sw.experiments.baselines.run import restore_images
from sw.experiments.baselines.settings import Settings
from sw.experiments.baselines.train import train as train_baseline
from sw.judge.referee import Referee, as_input
from sw.judge.referee.train import train as train_referee
from sw.model.baselines.models import MODELS
from sw.model.rebuild import gate_of, rule_of
from sw.runs.ordinary import ordinary
from sw.train.options import Options
from sw.train.run import train
from tests.runs import CORNERS, LABELS, SMALL

pytestmark = pytest.mark.usefixtures("one_thread")


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SETTINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "meta device": lambda: torch.device("meta"),
}
each_setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


@each_setting
def test_settings_are_put_aside_and_come_back(setting):
    def settings():
        return (
            torch.get_default_dtype(),
            torch.is_autocast_enabled("cpu"),
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            torch.get_default_device().type,
        )

    with setting():
        before = settings()
        with ordinary():
            assert settings() == (torch.float32, False, False, True, "cpu")
        assert settings() == before
        with pytest.raises(KeyError), ordinary():
            raise KeyError
        assert settings() == before


def test_autocast_of_the_other_device_is_put_aside_too():
    torch.set_autocast_enabled("cuda", True)
    try:
        with ordinary():
            assert not torch.is_autocast_enabled("cuda")
        assert torch.is_autocast_enabled("cuda")
    finally:
        torch.set_autocast_enabled("cuda", False)


@each_setting
def test_training_is_the_same(monkeypatch, tmp_path, setting):
    digits = Digits(CORNERS, LABELS, None, None, "corners")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: digits)
    monkeypatch.setattr("sw.train.calibrate.QUANTILES", (0.998,))
    finished = []
    monkeypatch.setattr(
        ship, "export", lambda learner, *rest: finished.append(learner.rule.weights().digest)
    )
    options = Options(spec=SMALL, output=tmp_path, batches=2, qat_batches=2, batch=3)
    train(options)
    with setting():
        train(replace(options, name="other"))

    assert finished[0] == finished[1]


@each_setting
def test_proof_holds(monkeypatch, setting):
    monkeypatch.setattr(verify, "BLOCK", 4)
    rng = np.random.default_rng(0)
    skeleton, gate = calibrated(SMALL, rng), network(SMALL, rng)
    models = rule_of(skeleton), gate_of(gate, SMALL), skeleton, gate
    plain = verify.prove_random(*models, CORNERS[:4])
    with setting():
        assert verify.prove_random(*models, CORNERS[:4]) == plain


@each_setting
def test_referee_reads_the_same(setting):
    images = show_digits()[0][:20]
    labels, confidences = Referee.load().read(images)
    with setting():
        found, sure = Referee.load().read(images)

    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(sure, confidences)


@each_setting
def test_referee_is_trained_the_same(monkeypatch, tmp_path, setting):
    monkeypatch.setattr("sw.judge.referee.train.EPOCHS", 1)
    images, labels = show_digits()
    digits = Digits(images[:128], labels[:128], images[:8], labels[:8], "show digits")
    wanted = train_referee(digits, tmp_path / "one")
    with setting():
        assert train_referee(digits, tmp_path / "other") == wanted


@each_setting
def test_baselines_are_the_same(monkeypatch, tmp_path, setting):
    monkeypatch.setitem(MODELS, "mlp", lambda: nn.Conv2d(1, 1, (1, 3), padding=(0, 1)))
    images = show_digits()[0][:20]
    settings = Settings(batches=3, batch=4, held_out=5, check_every=3, optimiser="adamw")
    forms, blanked = ClosedForms(images[:10]), images[10:12] % 2 == 0
    damaged = np.where(blanked, np.uint8(0), images[10:12])

    def results(folder):
        training = train_baseline("mlp", settings, images, "x", folder)
        return [
            restore_images(training.network, images),
            forms.mean_fill(damaged, blanked),
            forms.nearest(damaged, blanked),
        ]

    wanted = results(tmp_path / "one")
    forms = ClosedForms(images[:10])
    with setting():
        found = results(tmp_path / "other")
    for left, right in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_referee_takes_every_grey_level_as_a_share():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    with default_dtype(torch.float16):
        found = as_input(levels)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy().ravel(), np.arange(256, dtype=np.float32) / 255)
