"""The subjects of the table: what is published of them, what names them, how each restores."""

import json
import shutil
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from golden.skeleton import SHIPPED, Skeleton
from sw.data.load import show_digits
from sw.experiments.baselines.closed import NEIGHBOURS
from sw.experiments.table import automata, subjects
from sw.experiments.table.automata import blockwise, device_restore, float_restore
from sw.experiments.table.make import CURVE
from sw.experiments.table.measure import DAMAGES, KEYS
from sw.judge.metrics import closeness
from sw.model import floats
from sw.model.baselines.shelf import SHIPPED as WEIGHTS
from sw.model.gate import spread

DOCS = Path(__file__).parents[1] / "docs"
pytestmark = pytest.mark.usefixtures("one_thread")

SHOWN = show_digits()[0][:4]
FEW = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
BASELINES = {"auto-encoder": "autoencoder", "U-Net": "unet", "MLP of the gate's size": "mlp"}
SIMULATED = "hybrid, int8 (simulated chip)"
CLOSED = {"mean-pixel fill", "normalised convolution", f"k nearest images, k = {NEIGHBOURS}",
          "Gaussian conditional mean"}  # fmt: skip


def listed(training=FEW, opened=lambda skeleton: None):
    return {
        each.name: each
        for each in subjects.subjects(training, opened, lambda skeleton: "its Verilog")
    }


def test_what_is_published_is_known_of_the_subjects(monkeypatch):
    monkeypatch.setattr(subjects, "automaton_macs", cache(subjects.automaton_macs))
    published = json.loads((DOCS / "results.json").read_text())
    found = listed(np.broadcast_to(np.uint8(0), (59000, 28, 28)))
    assert list(found) == [row["name"] for row in published]
    for row in published:
        each = found[row["name"]]
        assert (each.parameters, each.link_bytes) == (row["parameters"], row["link_bytes"])
        assert (each.claim and asdict(each.claim), each.given_mask) == (
            row["claim"], row["given_mask"],
        )  # fmt: skip
        assert row["images"] == (each.most or 10_000)
        if not each.given_mask:
            assert each.macs() == row["macs"]


def test_what_is_published_has_every_field_and_every_damage():
    rows, points = (
        json.loads((DOCS / name).read_text()) for name in ("results.json", "curves.json")
    )
    assert {tuple(row) for row in rows} == {KEYS}
    curved = [name for name, each in listed().items() if each.curve]
    found = [(point["name"], point["damage"]) for point in points]
    assert found == [(name, damage) for name in curved for damage in DAMAGES]
    assert {point["images"] for point in points} == {CURVE}


@pytest.mark.parametrize("missing", ["digits-ca", "digits", floats.FLOATS])
def test_rows_of_what_is_missing_are_left_out(tmp_path, missing):
    for name in ("digits-ca", "digits"):
        if name != missing:
            shutil.copytree(SHIPPED / name, tmp_path / name)
    (tmp_path / "digits" / missing).unlink(missing_ok=True)
    found = subjects.subjects(FEW, print, str, baselines=tmp_path, skeletons=tmp_path)
    names = [each.name for each in found][5:]
    hybrid = ["hybrid, float", "hybrid, int8 (Brevitas)", "hybrid, int8 (golden)", SIMULATED]
    alone = ["CA only, int8 (golden)"]
    wanted = {"digits-ca": hybrid, "digits": alone, floats.FLOATS: alone + hybrid[1:]}
    assert names == wanted[missing]


def test_closed_forms_are_counted_on_one_digit_when_they_are_fitted():
    found = listed()
    counts = [found[name].macs and found[name].macs() for name in list(found)[1:5]]
    assert counts == [0, 172480, 2 * 20 * 784, None]
    given = FEW[:3], FEW[:3] % 2 == 0
    for name, form in zip(list(found)[1:5], ("mean_fill", "convolution", "nearest", "gaussian"),
                          strict=True):  # fmt: skip
        want = getattr(subjects.ClosedForms(FEW), form)(*given)
        np.testing.assert_array_equal(found[name].restore(*given, lambda done: None), want)


def test_blanked_input_stays_blanked():
    blanked = listed()["blanked input"]
    np.testing.assert_array_equal(blanked.restore(FEW, FEW > 0, lambda done: None), FEW)
    assert blanked.macs() == 0


def test_what_decides_a_subject_is_named():
    found = {name: each.decides for name, each in listed().items()}
    alone, hybrid = (
        tuple(SHIPPED / name / file for file in ("skeleton.json", "gate.safetensors"))
        for name in ("digits-ca", "digits")
    )
    closed = {name: found.pop(name) for name in CLOSED}
    assert all(decides[0] is FEW and len(decides) == 1 for decides in closed.values())
    assert found == {
        "blanked input": (),
        **{name: (WEIGHTS / f"{file}.safetensors",) for name, file in BASELINES.items()},
        "CA only, int8 (golden)": alone,
        "hybrid, float": (*hybrid, SHIPPED / "digits" / floats.FLOATS),
        "hybrid, int8 (Brevitas)": hybrid,
        "hybrid, int8 (golden)": hybrid,
        SIMULATED: (*hybrid, "its Verilog"),
    }  # fmt: skip


def test_each_baseline_restores_with_its_own_network(monkeypatch):
    monkeypatch.setattr(subjects, "load_shipped", lambda name, folder: Model(name, folder))
    monkeypatch.setattr(subjects, "restore_images", lambda *given: given)
    monkeypatch.setattr(subjects, "network_macs", lambda model: model.name)
    done = print

    class Model:
        def __init__(self, *of):
            self.of, self.name = of, of[0]

        def parameters(self):
            return [torch.zeros(2, 3), torch.zeros(4)]

    for name, file in BASELINES.items():
        subject = subjects.network(file, WEIGHTS)
        model, *rest = subject.restore("damaged", "blanked", done)
        assert model.of == (file, WEIGHTS) and rest == ["damaged", done]
        assert (subject.name, subject.parameters, subject.macs()) == (name, 10, file)


class Recorded:
    """What `restore` of golden was asked for."""

    def __init__(self, monkeypatch):
        self.calls = []
        monkeypatch.setattr(automata, "run_on", self.run)
        for module in (automata, subjects):
            monkeypatch.setattr(module, "golden_device", lambda skeleton: "golden of it")

    def run(self, *given):
        self.calls.append(given)
        return FEW


@pytest.mark.parametrize("as_golden", [False, True])
def test_a_device_restores_with_its_gate_and_all_steps(monkeypatch, as_golden):
    skeleton = Skeleton.load(SHIPPED / "digits-ca")
    skeleton = replace(skeleton, spec=replace(skeleton.spec, steps=7))
    recorded, opened = Recorded(monkeypatch), []
    restore = device_restore(
        lambda each: opened.append(each) or "chip", skeleton, "gate", as_golden=as_golden
    )
    assert opened == []
    assert restore("damaged", "blanked", print) is FEW
    assert opened == [skeleton]
    chip, golden = ("chip", "gate", "damaged", 7, print), ("golden of it", "gate", "damaged", 7)
    assert recorded.calls == ([chip, golden] if as_golden else [chip])


def test_the_chip_is_opened_by_whoever_asks(monkeypatch):
    recorded, opened = Recorded(monkeypatch), []
    found = listed(opened=lambda skeleton: opened.append(skeleton.name) or "chip")
    for name in ("CA only, int8 (golden)", "hybrid, int8 (golden)", SIMULATED):
        found[name].restore(FEW, FEW > 0, print)
    assert opened == ["digits"]
    devices = [(call[0], call[1] is None, call[4:]) for call in recorded.calls]
    assert devices == [
        ("golden of it", True, (print,)),
        ("golden of it", False, (print,)),
        ("chip", False, (print,)),
        ("golden of it", False, ()),
    ]


def test_every_block_is_restored_in_its_place(monkeypatch):
    monkeypatch.setattr(automata, "BLOCK", 8)
    done, sizes = [], []

    def brighter(codes):
        sizes.append((len(codes), codes.dtype))
        return codes * 0.5 + 0.4

    found = blockwise(brighter)(FEW, FEW > 0, done.append)
    np.testing.assert_array_equal(found, np.rint(FEW * 0.5 + 0.4))
    assert found.dtype == np.uint8 and done == [8, 8, 4]
    assert sizes == [(8, torch.float32), (8, torch.float32), (4, torch.float32)]


def plain(path, spec, damaged):
    """Restore in floating point, written down from the definition; pixel codes, unrounded."""
    rule, gate = floats.models(path, spec)
    top, left = spec.margins
    rows, columns = spec.window
    x = functional.pad(torch.from_numpy(damaged)[:, None] / 256, (left, left, top, top))

    def bounded(x):
        return x.clamp(-128 / 32, 127 / 32)

    def layer(x, of, **named):
        return functional.conv2d(x, of.weight, of.bias, **named)

    x = bounded(layer(x, rule.encode))
    for step in range(1, spec.steps + 1):
        hidden = layer(x, rule.perceive, padding=1, groups=spec.channels).relu()
        x = bounded(x + layer(hidden, rule.update))
        if spec.gate and spec.gate.is_open(step):
            plane = x[:, spec.gate.input_channel].flatten(1)
            hidden = functional.linear(plane, gate.hidden.weight, gate.hidden.bias)
            delta = functional.linear(hidden.relu(), gate.output.weight, gate.output.bias)
            x = bounded(x + spread(bounded(delta), spec, step))
    return layer(x, rule.readout)[:, 0, rows, columns].clamp(0, 255 / 256) * 256


@pytest.mark.parametrize("name", ["digits-ca", "digits"])
def test_float_models_restore_with_nothing_rounded(name):
    spec, path = Skeleton.load(SHIPPED / name).spec, SHIPPED / name / floats.FLOATS
    damaged = np.where(FEW[:4] < 80, SHOWN, np.uint8(0))
    found = float_restore(path, spec)(damaged, damaged > 0, lambda done: None)
    with torch.no_grad():
        wanted = plain(path, spec, damaged).round().numpy()
    difference = found - wanted
    assert abs(difference).max() <= 1 and np.count_nonzero(difference) < 10
    assert closeness(found, SHOWN).psnr_mean > 18
