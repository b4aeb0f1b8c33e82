"""The training of a baseline, piece by piece: what is drawn, learnt, looked at, kept and told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from golden.errors import InputError
from sw.experiments.baselines import train as training
from sw.experiments.baselines.settings import Settings
from sw.experiments.baselines.train import (
    Training,
    adamw,
    draw,
    go_through,
    learn,
    look,
    muon,
    report,
    train,
)
from sw.model.baselines.models import MODELS, build
from sw.runs import checkpoint, interruption

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = Settings(batches=10, batch=4, warm_up=2, held_out=5, check_every=3, rate=1e-2, clip=1e9)
IMAGES = np.random.default_rng(0).integers(1, 256, (30, 28, 28)).astype(np.uint8)


@pytest.fixture
def tiny(monkeypatch):
    """Networks of four numbers under the names mlp and unet."""
    for name in ("mlp", "unet"):
        monkeypatch.setitem(MODELS, name, lambda: nn.Conv2d(1, 1, (1, 3), padding=(0, 1)))


def begin(**changes):
    return Training.begin("mlp", replace(TINY, optimiser="adamw", **changes))


def copies(tensors):
    return [tensor.detach().clone() for tensor in tensors]


def equal(ones, others):
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.mark.parametrize("seed", [0, 5])
def test_a_run_begins_with_the_weights_of_its_seed(tiny, seed):
    wanted = list(build("mlp", seed).parameters())
    found = begin(seed=seed)
    for weights in (found.network.parameters(), found.averages, found.best):
        assert equal(weights, wanted)
    assert not equal(wanted, list(build("mlp", seed + 1).parameters()))
    learn(found, IMAGES, TINY)
    assert equal(found.best, wanted), "the averages move, the best stay what they were"


def test_building_a_network_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    build("mlp", 7)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_draw_takes_any_digit_and_goes_by_the_seed():
    wide = replace(TINY, batch=200, damage=0.25)
    originals, damaged = draw(IMAGES[:3], wide, 1)
    found = {(255 * image).round().byte().numpy().tobytes() for image in originals}
    assert found == {image.tobytes() for image in IMAGES[:3]}
    assert ((damaged == 0) | (damaged == originals)).all()
    assert (damaged == 0).sum(dim=(1, 2, 3)).tolist() == [196] * 200
    other_seed, other_batch = draw(IMAGES[:3], replace(wide, seed=1), 1), draw(IMAGES[:3], wide, 2)
    for other in (other_seed, other_batch):
        assert not torch.equal(other[0], originals) and not torch.equal(other[1], damaged)


def test_a_batch_is_learnt_from_its_own_gradient_alone(tiny):
    state = begin(weight_decay=0.0)
    learn(state, IMAGES, TINY)
    fresh = begin(weight_decay=0.0)
    fresh.put(copies(state.network.parameters()))
    fresh.batch = 1
    losses = [learn(each, IMAGES, TINY) for each in (state, fresh)]
    assert losses[0] == losses[1]
    for one, other in zip(state.network.parameters(), fresh.network.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_batch_teaches_to_make_originals_of_damaged_digits(tiny):
    state, other = begin(), begin()
    originals, damaged = draw(IMAGES, TINY, 0)
    wanted = TINY.loss_of(other.network(damaged), originals)
    wanted.backward()
    assert learn(state, IMAGES, TINY) == wanted.item()
    for one, parameter in zip(state.network.parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(one.grad, parameter.grad)


def test_a_group_steps_by_its_share_of_the_rate(tiny):
    state = begin()
    state.optimiser.param_groups[0]["share"] = 3.0
    learn(state, IMAGES, TINY)
    assert state.optimiser.param_groups[0]["lr"] == 3.0 * TINY.rate_at(0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_computes_in_the_precision_of_its_settings(tiny, precision):
    state, found = begin(), []
    state.network.register_forward_hook(lambda model, given, shown: found.append(shown.dtype))
    learn(state, IMAGES, replace(TINY, precision=precision))
    assert found == [getattr(torch, precision)]


def test_losses_of_images_that_differ():
    found = torch.zeros(2, 1, 2, 2)
    found[0], found[1] = 0.1, 0.5
    plain = replace(TINY, loss="mse").loss_of(found, torch.zeros_like(found))
    assert plain.item() == pytest.approx((0.01 + 0.25) / 2)
    log = TINY.loss_of(found, torch.zeros_like(found))
    assert log.item() == pytest.approx((np.log(0.0101) + np.log(0.2501)) / 2, rel=1e-5)


def test_a_look_is_at_held_out_digits_damaged_by_the_settings(tiny, monkeypatch):
    asked, honest = [], training.blank
    monkeypatch.setattr(training, "blank", lambda *given: (asked.append(given), honest(*given))[1])
    decibels = iter([20.12345, 19.0, 20.2])
    monkeypatch.setattr(
        training, "closeness", lambda *given: SimpleNamespace(psnr_mean=next(decibels))
    )
    state, seen = begin(), []
    for batch in (3, 6, 9):
        state.averages = [torch.full_like(average, batch) for average in state.averages]
        state.batch, before = batch, copies(state.network.parameters())
        look(state, IMAGES[:5], replace(TINY, damage=0.3), 0.12345678)
        assert equal(state.network.parameters(), before), "training goes on from its own weights"
        seen.append(state.best[0].flatten()[0].item())
    assert seen == [3, 3, 9]
    assert state.curve == [
        {"batch": 3, "loss": 0.123457, "held_out_psnr": 20.123},
        {"batch": 6, "loss": 0.123457, "held_out_psnr": 19.0},
        {"batch": 9, "loss": 0.123457, "held_out_psnr": 20.2},
    ]
    for images, indices, share in asked:
        np.testing.assert_array_equal(images, IMAGES[:5])
        assert (list(indices), share) == ([0, 1, 2, 3, 4], 0.3)


def test_a_look_judges_the_averages(tiny, monkeypatch):
    seen = []

    def restored(network, damaged, device):
        seen.append(copies(network.parameters()))
        return damaged

    monkeypatch.setattr(training, "restore_images", restored)
    state = begin()
    state.averages = [average + 1 for average in state.averages]
    look(state, IMAGES[:5], TINY, 0.0)
    assert equal(seen[0], state.averages)


def test_a_look_is_on_the_device_of_the_run(monkeypatch):
    average = SimpleNamespace(device="cuda:1", clone=lambda: "a copy")
    state = SimpleNamespace(averages=[average], network="n", curve=[], batch=1, put=lambda x: x)
    asked = []
    monkeypatch.setattr(
        training,
        "restore_images",
        lambda *given, device: asked.append((given[0], device)) or given[1],
    )
    look(state, IMAGES[:5], TINY, 0.0)
    assert asked == [("n", "cuda:1")] and state.best == ["a copy"]


def test_a_run_goes_on_with_its_device_and_its_network(tiny, tmp_path, monkeypatch):
    asked, honest = [], Training.begin
    train("mlp", TINY, IMAGES, "x", tmp_path)
    monkeypatch.setattr(
        Training, "begin", lambda *given: asked.append(given) or honest("mlp", TINY)
    )
    monkeypatch.setattr(checkpoint, "read", lambda *given: asked.append(given) or {})
    with pytest.raises(InputError, match="must be of a run with these options and data"):
        train("mlp", TINY, IMAGES, "x", tmp_path, "cuda:1")
    assert asked == [("mlp", TINY, "cuda:1"), (tmp_path / "checkpoint.pt", "cuda:1")]


def test_a_checkpoint_is_there_before_the_first_batch(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "go_through", lambda *given: seen.append(path.exists()))
    path, seen = tmp_path / "x" / "checkpoint.pt", []
    train("mlp", TINY, IMAGES, "x", tmp_path / "x")
    assert seen == [True]


@pytest.fixture
def clocked(tiny, monkeypatch):
    """Go through batches 3 to 10 that take a second each; what is looked at, told and kept."""
    found = SimpleNamespace(looks=[], reports=[], kept=[])

    def learnt(state, images, settings):
        np.testing.assert_array_equal(images, IMAGES[:-5])
        state.batch += 1
        return float(state.batch)

    def looked(state, held_out, settings, loss):
        np.testing.assert_array_equal(held_out, IMAGES[-5:])
        found.looks.append((state.batch, loss))

    seconds = iter(range(100))
    fakes = {
        "learn": learnt,
        "look": looked,
        "report": lambda state, settings, *told: found.reports.append((state.batch, *told)),
        "LOG_EVERY": 4,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(training, name, fake)
    monkeypatch.setattr(interruption, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(interruption, "SAVE_SECONDS", 3.0)
    monkeypatch.setattr(
        Training, "save", lambda self, checkpoint: checkpoint.append((self.batch, self.seconds))
    )
    state = begin()
    state.batch, state.seconds = 2, 100.0
    go_through(state, IMAGES, TINY, [], found.kept)
    return found


def test_looks_and_reports_are_of_the_last_losses(clocked):
    assert clocked.looks == [(3, 3.0), (6, 4.5), (9, 7.5), (10, 8.5)]
    assert [each[:2] for each in clocked.reports] == [(4, 3.5), (8, 6.5), (10, 8.5)]


def test_the_time_that_is_left_goes_by_this_sitting(clocked):
    assert [each[2] for each in clocked.reports] == pytest.approx([0.1, 2 / 60, 0.0])


def test_a_checkpoint_is_written_every_so_many_seconds_and_at_the_end(clocked):
    assert clocked.kept == [(6, 104.0), (10, 108.0)]


def test_a_report_is_in_minutes_and_of_the_newest_look(tiny, capsys):
    state = begin()
    state.batch, state.curve = 7, [{"held_out_psnr": 20.0}, {"held_out_psnr": 21.5}]
    report(state, TINY, 0.25, 2.5)
    told = capsys.readouterr().err
    for part in ("7/10", "0.25000", "21.50 dB", "2.5 min"):
        assert part in told


def test_a_checkpoint_brings_everything_back(tiny, tmp_path):
    state = begin()
    for _ in range(3):
        learn(state, IMAGES, TINY)
    look(state, IMAGES[:5], TINY, 0.5)
    learn(state, IMAGES, TINY)
    state.seconds = 12.5
    kept = checkpoint.Checkpoint(tmp_path / "x.pt", "mine")
    state.save(kept)
    other = begin(seed=9)
    assert kept.resume("cpu", other.resume) is other
    assert (other.batch, other.seconds, other.curve) == (4, 12.5, state.curve)
    for name in ("averages", "best"):
        assert equal(getattr(other, name), getattr(state, name)), name
    assert not equal(other.best, other.averages)
    assert equal(other.network.parameters(), state.network.parameters())
    moments = [list(each.optimiser.state_dict()["state"].values()) for each in (state, other)]
    assert equal(*([kept["exp_avg_sq"] for kept in each] for each in moments))


@pytest.mark.parametrize("name", ["averages", "best"])
def test_weights_of_another_shape_are_refused(tiny, tmp_path, name):
    train("mlp", TINY, IMAGES, "x", tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    state[name][0] = state[name][0][..., :1]
    checkpoint.write(state, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="must be a checkpoint: remove it to begin anew"):
        train("mlp", TINY, IMAGES, "x", tmp_path)


def test_another_network_is_another_run(tiny, tmp_path):
    train("mlp", TINY, IMAGES, "x", tmp_path)
    with pytest.raises(InputError, match="must be of a run with these options and data"):
        train("unet", TINY, IMAGES, "x", tmp_path)


def test_optimisers_are_as_they_are_published():
    parameters = [nn.Parameter(torch.zeros(8, 8)), nn.Parameter(torch.zeros(8))]
    (group,) = adamw(parameters, TINY).param_groups
    assert (group["betas"], group["eps"], group["lr"]) == ((0.9, 0.999), 1e-8, 0.0)
    hidden, rest = muon(parameters, TINY).param_groups
    assert (hidden["momentum"], hidden["lr"], rest["lr"]) == (0.95, 0.0, 0.0)


def test_layers_of_eight_on_both_sides_are_hidden_ones():
    shapes = [(8, 8), (7, 8), (8, 7, 3, 3), (8, 8, 3, 3), (8,)]
    parameters = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    hidden, rest = muon(parameters, TINY).param_groups
    assert [tuple(each.shape) for each in hidden["params"]] == [(8, 8), (8, 8, 3, 3)]
    assert [tuple(each.shape) for each in rest["params"]] == [(7, 8), (8, 7, 3, 3), (8,)]
