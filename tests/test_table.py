import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.errors import Difference, InputError
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.cli.common import progress
from sw.data.load import Digits, embedded_digits, show_digits
from sw.experiments.table import report
from sw.experiments.table.automata import device_restore, link_bytes
from sw.experiments.table.make import curves, rows
from sw.experiments.table.measure import DAMAGES, KEYS, Store, known, row
from sw.experiments.table.subject import Claim, Subject
from sw.experiments.table.subjects import subjects
from sw.judge.evaluate import Judged
from sw.judge.macs import automaton_macs, network_macs
from sw.judge.referee import Referee
from sw.model.baselines.models import build
from sw.model.baselines.shelf import load_shipped

IMAGES, LABELS = show_digits()
DIGITS = Judged("show", IMAGES[:4], LABELS[:4])
PERFECT = Subject(
    name="perfect", version=1, restore=lambda damaged, mask, done: DIGITS.images, curve=True
)


class Chip(GoldenDevice):
    """The reference model in the chip's place; it asks no compiler."""

    def __init__(self, skeletons, *, filters=5):
        super().__init__(skeletons, contexts=2)


def test_a_perfect_restorer_has_a_perfect_row():
    perfect = replace(PERFECT, parameters=7, macs=lambda: 9, claim=Claim(1.0, 2.0, 3e9))
    found = known(perfect, DIGITS) | row(perfect, DIGITS, Referee.load(), lambda done: None)
    assert set(found) == set(KEYS)
    assert found["psnr_mean"] == found["psnr_mse"] == found["psnr_mean_pasted"] == 77.074
    assert (found["ssim"], found["digit_id"]) == (1.0, 100.0)
    assert (found["parameters"], found["macs"], found["images"], found["rows"]) == (7, 9, 4, "show")
    assert found["claim"] == {"psnr": 1.0, "digit_id": 2.0, "flop": 3e9}


def test_a_restorer_gets_digits_blanked_by_the_protocol():
    def restore(damaged, mask, done):
        for index, (image, original) in enumerate(zip(damaged, DIGITS.images, strict=True)):
            order = np.random.default_rng(index).permutation(784)[:549]
            want = original.copy().reshape(784)
            want[order] = 0
            np.testing.assert_array_equal(image.reshape(784), want)
            assert mask[index].reshape(784)[order].all() and mask[index].sum() == 549
        return 255 - DIGITS.images

    found = row(replace(PERFECT, restore=restore), DIGITS, Referee.load(), lambda done: None)
    assert found["psnr_mean"] < 3
    # A blanked pixel in ten is as wrong as before, a known one is right again: 255 / 784 of them.
    assert found["psnr_mean_pasted"] > found["psnr_mean"] + 1
    assert found["ssim"] < 0


def test_what_was_measured_is_not_measured_again(tmp_path):
    calls = []

    def restore(damaged, mask, done):
        calls.append(len(damaged))
        return damaged

    one = replace(PERFECT, restore=restore, most=3)
    arguments = DIGITS, Store(tmp_path), progress
    first = rows([one], *arguments)
    assert rows([one], *arguments) == first and calls == [3]
    assert rows([replace(one, parameters=5)], *arguments)[0]["parameters"] == 5 and calls == [3]
    rows([replace(one, decides=("other weights",))], *arguments)
    rows([replace(one, most=2)], *arguments)
    assert calls == [3, 3, 2]
    for path in tmp_path.iterdir():
        path.write_text("{ broken")
    assert rows([one], *arguments) == first and calls == [3, 3, 2, 3]


def test_an_interrupted_table_keeps_the_rows_before(tmp_path):
    def interrupted(damaged, mask, done):
        raise KeyboardInterrupt

    calls = []
    counted = replace(PERFECT, restore=lambda d, m, p: (calls.append(1), d)[1])
    with pytest.raises(KeyboardInterrupt):
        rows([counted, replace(PERFECT, name="b", restore=interrupted)], DIGITS, Store(tmp_path), progress)  # fmt: skip  # noqa: E501
    assert len(rows([counted, PERFECT], DIGITS, Store(tmp_path), progress)) == 2
    assert calls == [1]


def test_curves_are_those_of_the_learned_restorers(tmp_path):
    given = []

    def restore(damaged, mask, done):
        given.append(damaged)
        assert not mask.any()
        return damaged

    learned = replace(PERFECT, restore=restore)
    points = curves([replace(learned, curve=False), learned], DIGITS, Store(tmp_path), progress)
    assert [point["damage"] for point in points] == list(DAMAGES)
    for damaged, share in zip(given, (0.1, 0.3, 0.5, 0.7, 0.8, 0.9), strict=False):
        mask = np.random.default_rng(1).permutation(784)[: round(784 * share)]
        assert not damaged[1].reshape(784)[mask].any()
    assert points[0]["psnr_mean"] > points[5]["psnr_mean"]
    assert "| 14 x 14 block |" in report.curve_table(points)
    report.draw_curves(points, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("gate", "openings"),
    [(None, 0), (Gate(input_channel=0, output_channel=1, start=1, every=3), 4)],
)
def test_an_automaton_is_counted_from_its_graph(gate, openings):
    spec = Spec(gate=gate)
    rule = 10 * 1024 * 2000 + 1024 * 16 + 784 * 16
    assert automaton_macs(spec) == rule + openings * 1024 * (1024 + 256)
    assert link_bytes(spec) == 784 + 784 + openings * 1280


def test_a_network_is_counted_from_its_graph():
    assert network_macs(build("mlp")) == 2 * 784 * 1024


def test_a_device_that_is_not_golden_is_found_out():
    class Off(GoldenDevice):
        def read_images(self):
            images = super().read_images()
            images[-1, 3, 3] ^= 1
            return images

    folder = SHIPPED / "digits"
    skeleton, network = Skeleton.load(folder), GateNetwork.load(folder / "gate.safetensors")
    damaged = DIGITS.images[:2]
    for kind in (GoldenDevice, Off):
        restore = device_restore(lambda s, kind=kind: kind((s,)), skeleton, network, as_golden=True)
        if kind is GoldenDevice:
            assert restore(damaged, damaged == 0, lambda done: None).shape == damaged.shape
            continue
        with pytest.raises(
            Difference,
            match=r"^digit 1: pixel \(3, 3\) is \d+, golden has \d+; 1 code of images differs$",
        ):
            restore(damaged, damaged == 0, lambda done: None)


def test_one_table_of_everything(thalweg, tmp_path, monkeypatch):
    few = embedded_digits()[0][::20].copy()
    digits = Digits(few, np.zeros(len(few), np.uint8), None, None, "a few")
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    monkeypatch.setitem(sys.modules, "sim.devices.device", SimpleNamespace(SimulatedDevice=Chip))
    monkeypatch.setattr("sw.cli.eval.chip_digest", lambda skeleton, filters: "its Verilog")
    file = tmp_path / "results.json"
    code, out, _ = thalweg("eval", "--images", "2", "--output", file)
    assert code == 0
    found = {row["name"]: row for row in json.loads(file.read_text())}
    assert {row["rows"] for row in found.values()} == {"show"}
    masked = [name for name, row in found.items() if row["given_mask"]]
    assert len(masked) == 4
    assert all(f"| {name} (given the mask) |" in out for name in masked)
    hybrids = [found[f"hybrid, int8 ({kind})"] for kind in ("Brevitas", "golden", "simulated chip")]
    assert all({**row, "name": ""} == {**hybrids[0], "name": ""} for row in hybrids)
    assert hybrids[0]["psnr_mean"] > found["blanked input"]["psnr_mean"] + 5
    assert hybrids[0]["claim"] == {"psnr": 26.7, "digit_id": 94, "flop": 2.4e9}
    assert found["k nearest images, k = 20"]["macs"] == 2 * len(few) * 784


def test_table_takes_what_is_shipped_and_no_more(tmp_path):
    names = [s.name for s in subjects(IMAGES, Chip, str, baselines=tmp_path, skeletons=tmp_path)]
    assert names[0] == "blanked input" and len(names) == 5


def test_table_refuses_what_needs_a_skeleton_and_the_other_way_round(fails, tmp_path):
    fails("--device must come with a skeleton", "eval", "--device", "simulated")
    fails("--damage must come with a skeleton", "eval", "--damage", "0.5")
    fails("--curves must come without a skeleton", "eval", "digits", "--curves")
    with pytest.raises(InputError, match="must be of MNIST's test digits"):
        report.ship(tmp_path / "results.json", [{"rows": "show"}], [])


def test_shipped_baselines_load():
    for path in sorted((SHIPPED.parents[1] / "sw" / "baselines" / "weights").glob("*.safetensors")):
        assert load_shipped(path.stem) is not None
