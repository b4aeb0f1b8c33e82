import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from golden.errors import InputError
from sw.data.load import Digits
from sw.experiments.baselines import make
from sw.experiments.baselines import train as training
from sw.experiments.baselines.run import restore_images
from sw.experiments.baselines.settings import SETTINGS, Settings
from sw.experiments.baselines.ship import ship
from sw.experiments.baselines.train import Training, draw, learn, train
from sw.experiments.table.report import half_run
from sw.model.baselines import models
from sw.model.baselines.models import MODELS, build
from sw.model.baselines.shelf import load_shipped
from sw.runs import interruption
from sw.runs.checkpoint import Checkpoint
from sw.runs.interruption import Stopped

TINY = Settings(batches=9, batch=4, warm_up=2, held_out=5, check_every=3, rate=1e-2)


@pytest.fixture
def tiny(monkeypatch):
    """A network of four numbers under the name mlp, and digits to train it on."""
    monkeypatch.setitem(MODELS, "mlp", lambda: nn.Conv2d(1, 1, (1, 3), padding=(0, 1)))
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28)).astype(np.uint8)
    return Digits(images, np.zeros(30, np.uint8), None, None, "noise")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("autoencoder", 950_000, 1_100_000), ("unet", 2.1e6, 2.2e6), ("mlp", 1.6e6, 1.62e6)],
)
def test_networks_have_the_size_and_the_shape_that_they_must(name, low, high):
    network = build(name)
    assert low < sum(parameter.numel() for parameter in network.parameters()) < high
    images = torch.rand(2, 1, 28, 28)
    assert network(images).shape == images.shape
    same = build(name)(images)
    torch.testing.assert_close(same, network(images), rtol=0, atol=0)
    assert not torch.equal(build(name, seed=1)(images), same)


def test_settings_differ_only_where_they_must():
    assert set(SETTINGS) == set(MODELS)
    for settings in SETTINGS.values():
        same = replace(settings, batches=1, batch=64, rate=1e-3, precision="float32")
        same = replace(same, optimiser="muon", weight_decay=0.1)
        assert same == Settings(batches=1)


def test_rate_rises_then_falls_to_zero():
    settings = Settings(batches=100, warm_up=10, rate=1.0)
    rates = [settings.rate_at(batch) for batch in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(0.98, abs=0.01)
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("name", "others"), [("autoencoder", 10), ("unet", 28), ("mlp", 2)])
def test_muon_steps_what_meets_no_pixels(name, others):
    settings = replace(TINY, hidden_rate=7.0)
    hidden, rest = Training.begin(name, settings).optimiser.param_groups
    assert (hidden["use_muon"], hidden["share"], rest["use_muon"], rest["share"]) == (
        True, 7.0, False, 1.0,
    )  # fmt: skip
    assert all(weight.ndim > 1 for weight in hidden["params"])
    assert len(rest["params"]) == others


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_all_weights_decay_as_the_settings_say(optimiser):
    settings = replace(TINY, optimiser=optimiser, weight_decay=0.03)
    groups = Training.begin("mlp", settings).optimiser.param_groups
    assert {group["weight_decay"] for group in groups} == {0.03}


def test_a_batch_in_bfloat16_learns_nearly_the_same(tiny, tmp_path):
    losses = [
        learn(Training.begin("mlp", settings), tiny.train_images, settings)
        for settings in (TINY, replace(TINY, precision="bfloat16"))
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.01)


def test_losses_of_known_errors():
    originals, found = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    found[0] = 0.1  # 20 dB
    found[1, 0, 0, 0] = 0.2  # 20 dB
    assert Settings(batches=1, loss="mse").loss_of(found, originals).item() == pytest.approx(0.01)
    log = Settings(batches=1, loss="log-mse").loss_of(found, originals).item()
    assert log == pytest.approx(np.log(0.01 + 1e-4), rel=1e-5)


def test_a_batch_is_blanked_afresh_and_drawn_again_alike():
    images = np.full((6, 28, 28), 255, np.uint8)
    originals, damaged = draw(images, TINY, 3)
    assert originals.shape == damaged.shape == (4, 1, 28, 28)
    assert (damaged == 0).sum(dim=(1, 2, 3)).tolist() == [549] * 4
    torch.testing.assert_close(damaged[damaged > 0], torch.ones(4 * 235))
    assert torch.equal(damaged, draw(images, TINY, 3)[1])
    assert not torch.equal(damaged, draw(images, TINY, 4)[1])
    assert not torch.equal(damaged[0], damaged[1])


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tiny, tmp_path, monkeypatch):
    whole = train("mlp", TINY, tiny.train_images, "x", tmp_path / "whole")
    learn = training.learn

    def stopping(state, images, settings):
        loss = learn(state, images, settings)
        if state.batch in (2, 5):
            received.append(15)
        return loss

    monkeypatch.setattr(training, "learn", stopping)
    received = []
    monkeypatch.setattr(training, "interruptions", lambda: nullcontext(received))
    for _ in range(2):
        received.clear()
        with pytest.raises(Stopped):
            train("mlp", TINY, tiny.train_images, "x", tmp_path / "broken")
    received.clear()
    again = train("mlp", TINY, tiny.train_images, "x", tmp_path / "broken")
    assert again.batch == 9
    assert [entry["batch"] for entry in again.curve] == [3, 6, 9]
    assert again.curve[-1]["held_out_psnr"] == whole.curve[-1]["held_out_psnr"]
    for one, other in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_stopping_says_how_to_go_on():
    assert "the same command goes on" in str(Stopped(2))


def test_held_out_digits_are_not_learnt_from(tiny, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "draw", lambda images, *rest: (seen.append(images), draw(images, *rest))[1])  # fmt: skip  # noqa: E501
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    assert len(seen) == 9
    for images in seen:
        np.testing.assert_array_equal(images, tiny.train_images[:-5])


def test_the_last_digits_are_held_out(tiny, tmp_path, monkeypatch):
    seen = []

    def blank(images, *rest):
        seen.append(images)
        return images

    monkeypatch.setattr(training, "blank", blank)
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    assert len(seen) == 3
    for images in seen:
        np.testing.assert_array_equal(images, tiny.train_images[-5:])


@pytest.mark.parametrize("change", [{"rate": 0.5}, {"seed": 1}, {"damage": 0.5}, {"batch": 5}])
def test_other_settings_are_another_run(tiny, tmp_path, change):
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    with pytest.raises(InputError, match="must be of a run with these options and data"):
        train("mlp", replace(TINY, **change), tiny.train_images, "x", tmp_path)


def test_the_record_is_of_the_best_averages(tiny, tmp_path):
    state = Training.begin("mlp", TINY)
    state.curve = [
        {"batch": n, "loss": 0.0, "held_out_psnr": 20.0 - (n - 2) ** 2} for n in (1, 2, 3)
    ]
    ship("mlp", state, TINY, tiny, tmp_path)
    assert json.loads((tmp_path / "mlp.json").read_text())["held_out_psnr"] == 20.0


def test_the_best_averages_are_kept(tiny, tmp_path, monkeypatch):
    values = iter([20.0, 30.0, 25.0])
    kept = []

    def look(images, originals):
        kept.append([p.detach().clone() for p in state.network.parameters()])
        return training_closeness(images, originals)._replace(psnr_mean=next(values))

    training_closeness = training.closeness
    state = None

    def begin(*arguments):
        nonlocal state
        state = original(*arguments)
        return state

    original = training.Training.begin
    monkeypatch.setattr(training.Training, "begin", begin)
    monkeypatch.setattr(training, "closeness", look)
    found = train("mlp", TINY, tiny.train_images, "x", tmp_path)
    for parameter, wanted in zip(found.network.parameters(), kept[1], strict=True):
        assert torch.equal(parameter, wanted)
    assert not torch.equal(kept[1][0], kept[2][0])


def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path):
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    with pytest.raises(InputError, match="must be of a run with these options and data"):
        train("mlp", TINY, tiny.train_images, "other data", tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"broken")
    with pytest.raises(InputError, match="must be a checkpoint"):
        train("mlp", TINY, tiny.train_images, "x", tmp_path)


FOREIGN = {
    "tensor": torch.zeros(3),
    "list": [1, 2],
    "of the same run, and empty": {"identity": None},
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_another_file_of_pytorch_is_refused(tiny, tmp_path, foreign):
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    path, values = tmp_path / "checkpoint.pt", FOREIGN[foreign]
    if isinstance(values, dict):
        values = {"identity": torch.load(path, weights_only=True)["identity"]}
    torch.save(values, path)
    with pytest.raises(InputError) as error:
        train("mlp", TINY, tiny.train_images, "x", tmp_path)
    assert str(error.value) == f"{path} must be a checkpoint: remove it to begin anew"


def shape(state):
    state["best"][0] = state["best"][0][:, :, :, :1]


def no_number(state):
    state["averages"][0][:] = torch.nan


def no_moment(state):
    state["optimiser"]["state"][0]["exp_avg"][:] = torch.inf


@pytest.mark.parametrize("damage", [shape, no_number, no_moment])
def test_a_checkpoint_of_other_values_is_refused(tiny, tmp_path, damage):
    train("mlp", TINY, tiny.train_images, "x", tmp_path)
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    damage(state)
    torch.save(state, path)
    with pytest.raises(InputError, match="must be a checkpoint: remove it to begin anew"):
        train("mlp", TINY, tiny.train_images, "x", tmp_path)


def test_a_loss_that_is_no_number_stops_the_run(tiny, tmp_path, monkeypatch):
    loss_of = Settings.loss_of
    calls = []

    def diverging(self, restored, originals):
        calls.append(0)
        return loss_of(self, restored, originals) * (float("nan") if len(calls) == 4 else 1.0)

    monkeypatch.setattr(Settings, "loss_of", diverging)
    monkeypatch.setattr(interruption, "SAVE_SECONDS", -1.0)
    with pytest.raises(InputError) as error:
        train("mlp", TINY, tiny.train_images, "x", tmp_path)

    assert str(error.value) == (
        "baseline batch 4: the loss is no number any more: try a lower learning rate "
        "of this stage; the last checkpoint is from before that"
    )
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["batch"] == 3
    assert all(average.isfinite().all() for average in state["averages"])


def test_averages_that_are_no_numbers_are_not_written(tiny, tmp_path):
    state = Training.begin("mlp", TINY)
    state.best[0][:] = torch.nan
    with pytest.raises(InputError, match="a weight is no number any more"):
        state.save(Checkpoint(tmp_path / "checkpoint.pt", "x"))
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_batch_is_learnt_by_hand(tiny):
    settings = replace(TINY, optimiser="adamw", clip=0.01, weight_decay=0.0, rate=0.5)
    state = Training.begin("mlp", settings)
    before = [parameter.detach().clone() for parameter in state.network.parameters()]
    for batch, kept in ((1, 2 / 11), (2, 3 / 12)):
        wanted = [average.clone() for average in state.averages]
        learn(state, tiny.train_images, settings)
        assert state.batch == batch
        for average, old, parameter in zip(
            state.averages, wanted, state.network.parameters(), strict=True
        ):
            torch.testing.assert_close(average, (kept * old + (1 - kept) * parameter).detach())
    norm = torch.cat([p.grad.flatten() for p in state.network.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)
    assert not torch.equal(before[0], state.network.weight)
    assert state.optimiser.param_groups[0]["lr"] == pytest.approx(settings.rate_at(1))
    assert Settings(batches=1, averaging=0.9).keep_at(1000) == 0.9


@pytest.mark.parametrize("text", ['{"recipe": {"bat', "[]", '{"recipe": 3}', "{}"])
def test_a_record_that_was_cut_off_is_written_anew(tiny, tmp_path, capsys, text):
    (tmp_path / "mlp.json").write_text(text)
    state = train("mlp", TINY, tiny.train_images, "x", tmp_path)
    ship("mlp", state, TINY, tiny, tmp_path)

    assert json.loads((tmp_path / "mlp.json").read_text())["shorter"] == []
    assert (
        f"{tmp_path}/mlp.json is no record of a run: it is written anew" in capsys.readouterr().err
    )


def test_weights_that_are_no_numbers_are_refused(tiny, tmp_path):
    state = train("mlp", TINY, tiny.train_images, "x", tmp_path)
    with torch.no_grad():
        state.network.weight[0, 0, 0, 0] = torch.nan
    ship("mlp", state, TINY, tiny, tmp_path)
    with pytest.raises(InputError, match="must hold the weights of mlp: not all are numbers"):
        load_shipped("mlp", tmp_path)


def test_shipped_weights_are_those_in_half_precision(tiny, tmp_path):
    state = train("mlp", TINY, tiny.train_images, "x", tmp_path)
    ship("mlp", state, TINY, tiny, tmp_path)
    network = load_shipped("mlp", tmp_path)
    for got, wanted in zip(network.parameters(), state.network.parameters(), strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, wanted.half().float(), rtol=0, atol=0)
    record = json.loads((tmp_path / "mlp.json").read_text())
    assert record["command"].startswith("thalweg baseline mlp --data data --batches 9")
    assert record["held_out_psnr"] == max(e["held_out_psnr"] for e in record["curve"])
    assert (record["parameters"], record["recipe"]["held_out"]) == (4, 5)


def test_a_longer_run_says_what_shorter_ones_reached(tiny, tmp_path):
    def shipped_by(settings):
        folder = tmp_path / f"{settings.batches} {settings.rate}"
        state = train("mlp", settings, tiny.train_images, "x", folder)
        ship("mlp", state, settings, tiny, tmp_path)
        return json.loads((tmp_path / "mlp.json").read_text())

    first = shipped_by(TINY)
    assert first["shorter"] == []
    assert half_run(first) == ""
    for settings in (double := replace(TINY, batches=2 * TINY.batches), double):
        record = shipped_by(settings)
        run = {"batches": TINY.batches, "held_out_psnr": first["held_out_psnr"]}
        assert record["shorter"] == [run]
        assert half_run(record) == f"{first['held_out_psnr']:.2f} dB"
    assert shipped_by(TINY)["shorter"] == [], "a shorter run knows of no longer one"
    assert shipped_by(replace(double, rate=1e-4))["shorter"] == [], "nor with other settings"


def test_weights_that_do_not_fit_are_refused(tiny, tmp_path):
    with pytest.raises(InputError, match=r"mlp\.safetensors must be there"):
        load_shipped("mlp", tmp_path)
    (tmp_path / "mlp.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"mlp\.safetensors must hold the weights of mlp"):
        load_shipped("mlp", tmp_path)
    with pytest.raises(InputError, match="Baseline must be one of autoencoder, unet, mlp"):
        load_shipped("cnn", tmp_path)


def test_what_a_network_gives_is_clipped_and_rounded():
    class Fixed(nn.Module):
        def forward(self, images):
            return images * 2 - 0.5 + 0.4 / 255

    damaged = np.arange(784, dtype=np.int64).reshape(1, 28, 28).clip(0, 255).astype(np.uint8)
    wanted = np.rint(damaged * 2.0 - 127.5 + 0.4).clip(0, 255)
    np.testing.assert_array_equal(restore_images(Fixed(), damaged), wanted)


def test_baseline_command_trains_and_says_what_is_wrong(
    thalweg, fails, tiny, tmp_path, monkeypatch
):
    monkeypatch.setitem(SETTINGS, "mlp", TINY)
    monkeypatch.setattr(make, "load", lambda data, download: tiny)
    code, out, _ = thalweg("baseline", "mlp", "--output", tmp_path, "--batches", "3")
    assert (code, out) == (0, f"wrote {tmp_path}/mlp/mlp.safetensors\n")
    assert json.loads((tmp_path / "mlp" / "mlp.json").read_text())["recipe"]["batches"] == 3
    fails("Baselines know autoencoder, unet, mlp, not 'cnn'", "baseline", "cnn")
    fails("Baselines know mse, log-mse, not 'l1'", "baseline", "mlp", "--loss", "l1")
    monkeypatch.setattr(models, "IMAGE", 28)
    few = replace(tiny, train_images=tiny.train_images[:5])
    monkeypatch.setattr(make, "load", lambda data, download: few)
    fails(
        "Training data must be at least 10 images of 28 x 28, not 5 of 28 x 28",
        "baseline", "mlp", "--output", tmp_path / "few",
    )  # fmt: skip
