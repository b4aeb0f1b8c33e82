"""A baseline from its command to its rows: what is handed on, and what the networks make of it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from golden.errors import InputError
from sw.data.damage import blank
from sw.data.load import Digits, show_digits
from sw.experiments.baselines import make, run
from sw.experiments.baselines.run import restore_images
from sw.experiments.baselines.settings import SETTINGS
from sw.experiments.baselines.ship import ship
from sw.experiments.baselines.train import Training
from sw.judge.metrics import closeness
from sw.model.baselines.models import MODELS, Block, build
from sw.model.baselines.shelf import SHIPPED, load_shipped

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGES = np.zeros((2001, 28, 28), np.uint8)
DIGITS = Digits(IMAGES, np.zeros(2001, np.uint8), None, None, "nowhere")


@pytest.fixture
def calls(monkeypatch):
    """What `make` asks of others, in order."""
    found = []

    def fake(name, result=None):
        def call(*given, **named):
            found.append((name, given, named))
            return given[-1] if name == "ship" else result

        monkeypatch.setattr(make, name, call)

    for name, result in (("load", DIGITS), ("train", "trained"), ("ship", None)):
        fake(name, result)
    fake("require_device")
    fake("keep_memory")
    monkeypatch.setattr(
        torch, "set_num_threads", lambda count: found.append(("threads", (count,), {}))
    )
    return found


@pytest.mark.parametrize("shipping", [False, True])
def test_a_run_gets_all_that_it_was_told(calls, tmp_path, shipping):
    given = {"threads": 3, "device": "cuda", "shipping": shipping}
    path = make.make(
        "unet", tmp_path / "d", tmp_path / "o", **given, batches=7, batch=None, loss="mse"
    )
    settings = replace(SETTINGS["unet"], batches=7, loss="mse", held_out=200)  # a tenth
    folder, data = tmp_path / "o" / "unet", tmp_path / "d"
    wanted = [
        ("require_device", ("cuda",), {}),
        ("load", (data,), {"download": True}),
        ("threads", (3,), {}),
        ("keep_memory", (), {}),
        ("train", ("unet", settings, IMAGES, DIGITS.digest, folder, "cuda"), {}),
        ("ship", ("unet", "trained", settings, DIGITS, folder), {"data": data}),
        ("ship", ("unet", "trained", settings, DIGITS, SHIPPED), {"data": data}),
    ]
    assert path == (SHIPPED if shipping else folder)
    assert calls == (wanted if shipping else wanted[:-1])


def test_of_many_images_no_more_are_held_out_than_usual(calls, tmp_path, monkeypatch):
    images = np.broadcast_to(np.zeros((1, 28, 28), np.uint8), (30_000, 28, 28))
    monkeypatch.setattr(make, "load", lambda *_, **__: replace(DIGITS, train_images=images))
    make.make("unet", None, tmp_path, threads=1, device="cpu", shipping=False)
    (settings,) = (given[1] for name, given, _ in calls if name == "train")
    assert settings == SETTINGS["unet"] and settings.held_out == 2000


def test_a_network_of_other_images_does_not_ship(calls, tmp_path, monkeypatch):
    other = replace(DIGITS, facts={"layout": {}}, source="letters, 2,001 images")
    monkeypatch.setattr(make, "load", lambda *_, **__: other)
    with pytest.raises(
        InputError, match=r"^--ship must come with MNIST's digits, not with letters, 2,001 images$"
    ):
        make.make("unet", None, tmp_path, threads=1, device="cpu", shipping=True)
    assert "train" not in [name for name, *_ in calls]


WRONG = {
    "threads": (0, "threads must be at least 1, not 0"),
    "batches": (0, "batches must be at least 1, not 0"),
    "batch": (1 << 17, "batch must be at most 65,536, not 131072"),
    "device": ("tpu", "device must be cpu or cuda, not 'tpu'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_out_of_bounds_is_said_before_the_data_are_read(monkeypatch, tmp_path, name):
    monkeypatch.setattr(make, "load", None)
    value, text = WRONG[name]
    given = {"threads": 1, "device": "cpu", "shipping": False} | {name: value}
    with pytest.raises(InputError) as error:
        make.make("mlp", None, tmp_path, **given)
    assert str(error.value) == text


@pytest.mark.parametrize("size", [(28, 27), (27, 28)])
def test_images_of_another_size_are_refused(calls, monkeypatch, tmp_path, size):
    other = replace(DIGITS, train_images=np.zeros((2001, *size), np.uint8))
    monkeypatch.setattr(make, "load", lambda data, download: other)
    with pytest.raises(InputError, match=f"not 2001 of {size[0]} x {size[1]}$"):
        make.make("mlp", None, tmp_path, threads=1, device="cpu", shipping=False)


def test_every_option_of_the_command_reaches_the_run(thalweg, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(make, "make", lambda *given, **named: asked.append((given, named)) or "x")
    words = ("--batches", 7, "--batch", 5, "--loss", "mse", "--threads", 2, "--device", "cuda")
    folders = ("--data", tmp_path, "--output", tmp_path / "o")
    assert thalweg("baseline", "unet", *words, *folders, "--ship")[:2] == (0, "wrote x\n")
    assert thalweg("baseline", "mlp")[0] == 0
    named = {"threads": 2, "device": "cuda", "shipping": True}
    changes = {"batches": 7, "batch": 5, "loss": "mse"}
    assert asked[0] == (("unet", tmp_path, tmp_path / "o"), named | changes)
    assert asked[1][0][:2] == ("mlp", None)
    named = {"threads": 1, "device": "cpu", "shipping": False}
    assert asked[1][1] == named | dict.fromkeys(changes)


def test_every_batch_is_restored_in_its_place(monkeypatch):
    class Brighter(nn.Module):
        def forward(self, images):
            shapes.append(tuple(images.shape))
            return images + 1 / 255

    monkeypatch.setattr(run, "BATCH", 2)
    shapes, done = [], []
    images = np.random.default_rng(0).integers(0, 255, (5, 28, 28)).astype(np.uint8)
    np.testing.assert_array_equal(restore_images(Brighter(), images, done.append), images + 1)
    assert done == [2, 2, 1]
    assert shapes == [(2, 1, 28, 28), (2, 1, 28, 28), (1, 1, 28, 28)]


def test_a_block_begins_as_the_identity_and_adds_what_it_finds():
    block, maps = Block(3), torch.randn(2, 3, 5, 5)
    with torch.no_grad():
        block.two.bias.zero_()
        torch.testing.assert_close(block(maps), maps)
        block.two.bias.fill_(0.25)
        torch.testing.assert_close(block(maps), maps + 0.25)


@pytest.mark.parametrize(
    ("name", "decibels"), [("autoencoder", 20.885), ("unet", 23.311), ("mlp", 18.282)]
)
def test_what_is_shipped_restores_as_well_as_ever(name, decibels):
    images = show_digits()[0][:20]
    found = restore_images(load_shipped(name), blank(images, range(20)))
    assert closeness(found, images).psnr_mean == pytest.approx(decibels, abs=0.05)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_what_is_shipped_is_float32_whatever_is_usual(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = load_shipped("mlp")
    finally:
        torch.set_default_dtype(before)
    assert {each.dtype for each in found.parameters()} == {torch.float32}
    assert not found.training and not any(each.is_inference() for each in found.parameters())


def test_networks_that_lie_channels_last_are_shipped(tmp_path):
    settings = SETTINGS["autoencoder"]
    state = Training.begin("autoencoder", settings)
    state.curve = [{"held_out_psnr": 20.0}]
    ship("autoencoder", state, settings, DIGITS, tmp_path)
    found = load_shipped("autoencoder", tmp_path)
    for one, other in zip(found.parameters(), state.network.parameters(), strict=True):
        assert torch.equal(one, other.half().float())


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_shipped_was_made_with_its_settings(name):
    record = json.loads((SHIPPED / f"{name}.json").read_text())
    assert record["command"] == f"thalweg baseline {name} --data data"
    assert record["recipe"].items() <= asdict(SETTINGS[name]).items()
    assert record["parameters"] == sum(each.numel() for each in build(name).parameters())


def test_a_record_says_where_the_weights_come_from(tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "mlp", lambda: nn.Conv2d(1, 1, (1, 3), padding=(0, 1)))
    before = set()

    def commit():
        before.update(path.name for path in tmp_path.iterdir())
        return "c0ffee"

    monkeypatch.setattr("sw.experiments.baselines.ship.commit", commit)
    monkeypatch.setattr("sw.experiments.baselines.ship.machine", lambda: {"cores": 3})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    changes = {"batches": 8, "warm_up": 7, "hidden_rate": 2.5}
    settings, state = replace(SETTINGS["mlp"], **changes), Training.begin("mlp", SETTINGS["mlp"])
    state.seconds, state.curve = 61.6, [{"batch": 8, "loss": 0.5, "held_out_psnr": 20.0}]
    earlier = {"batches": 2, "held_out_psnr": 11.0}
    record = {"recipe": asdict(replace(settings, batches=4)), "held_out_psnr": 12.0}
    (tmp_path / "mlp.json").write_text(json.dumps(record | {"shorter": [earlier]}))
    path = ship("mlp", state, settings, DIGITS, tmp_path)
    assert path == tmp_path / "mlp.safetensors"
    assert before == {"mlp.json"}, "the commit is asked for before anything is written"
    assert json.loads((tmp_path / "mlp.json").read_text()) == {
        "name": "mlp",
        "command": "thalweg baseline mlp --data data --batches 8 --hidden-rate 2.5 --warm-up 7",
        "commit": "c0ffee",
        "data": {"source": "nowhere", "sha256": DIGITS.digest},
        "parameters": 4,
        "recipe": asdict(settings),
        "threads": 5,
        "machine": {"cores": 3},
        "seconds": 62,
        "held_out_psnr": 20.0,
        "curve": state.curve,
        "shorter": [earlier, {"batches": 4, "held_out_psnr": 12.0}],
    }


def test_a_record_names_the_data_and_not_what_follows_from_them(tmp_path):
    settings = replace(SETTINGS["mlp"], batches=8, held_out=3)
    state = Training.begin("mlp", SETTINGS["mlp"])
    state.curve = [{"batch": 8, "loss": 0.5, "held_out_psnr": 20.0}]
    ship("mlp", state, settings, DIGITS, tmp_path, data=Path("letters-upper"))
    record = json.loads((tmp_path / "mlp.json").read_text())
    assert record["command"] == "thalweg baseline mlp --data letters-upper --batches 8"


@pytest.mark.parametrize("change", ["a tensor is missing", "another one is there"])
def test_weights_of_another_network_are_refused(tmp_path, change):
    tensors = load_file(SHIPPED / "mlp.safetensors")
    if change == "a tensor is missing":
        del tensors["layers.2.bias"]
    else:
        tensors["layers.4.bias"] = torch.zeros(3)
    save_file(tensors, tmp_path / "mlp.safetensors")
    with pytest.raises(InputError, match=r"mlp\.safetensors must hold the weights of mlp"):
        load_shipped("mlp", tmp_path)
