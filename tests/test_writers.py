"""Where the n-th write of a command fails: one line, nothing half-written, and no report."""

import errno
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from golden.device import GoldenDevice
from golden.errors import InputError
from golden.files import replacement
from sw.data.load import show_digits
from sw.restore.png import write_png

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


class Disk:
    """A disk on which a write fails: the ``fails``-th file that is to take its place."""

    def __init__(self, monkeypatch):
        self.count, self.fails, self.last = 0, None, None
        replace = Path.replace

        def limited(temporary, target):
            self.count += 1
            if self.count == self.fails:
                self.last = Path(target).name
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            return replace(temporary, target)

        monkeypatch.setattr(Path, "replace", limited)


@pytest.fixture
def disk(monkeypatch):
    """A disk that fills up when it is told to."""
    return Disk(monkeypatch)


@pytest.fixture
def scans(tmp_path):
    """A folder of two digits."""
    for name, image in zip(("a.png", "b.png"), show_digits()[0], strict=False):
        write_png(tmp_path / "scans" / name, image)
    return tmp_path / "scans"


def single(folder, scans, output):
    return "restore", "show[0:2]", "--skeleton", folder, "--output", output


def traced(folder, scans, output):
    return *single(folder, scans, output), "--trace", output / "t.npz"


def evaluated(folder, scans, output):
    return "eval", folder, "--images", 2, "--output", output / "report.json"


def shown(folder, scans, output):
    return "demo", folder, "--images", 2, "--output", output


def built(folder, scans, output):
    return "verilog", folder, "--filters", 1, "--output", output


def exported(folder, scans, output):
    return "export", folder, "--c", output / "a.c", "--steps", 1


COMMANDS = {
    "restore": (single, ["restored.npy", "restored-00000.png", "restored-00001.png", "sheet.png",
                         "report.json"]),
    "trace": (traced, ["t.npz", "restored.npy", "restored-00000.png", "restored-00001.png",
                       "sheet.png", "report.json"]),
    "eval": (evaluated, ["report.json"]),
    "demo": (shown, ["restored.png", "report.json"]),
    "export": (exported, ["a.c"]),
    "verilog": (built, ["thalweg_f1.v", "thalweg_f1.json"]),
}  # fmt: skip
"""Commands and the files that they write, in order: a report comes last."""


def leftovers(folder):
    """What is half written below a folder."""
    return [path.name for path in folder.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_write_that_fails_is_one_line_and_leaves_no_report(
    thalweg, folder, scans, tmp_path, disk, monkeypatch, name
):
    monkeypatch.setitem(sys.modules, "sim.devices.device", SimpleNamespace(
        SimulatedDevice=lambda skeletons, filters: GoldenDevice(skeletons)))  # fmt: skip
    command, files = COMMANDS[name]
    for number, file in enumerate(files, 1):
        output = tmp_path / f"{name}-{number}"
        disk.count, disk.fails = 0, number
        code, out, err = thalweg(*command(folder, scans, output))
        path = output / file
        text = f"thalweg: {path} must be writable: No space left on device"
        assert (code, disk.last, err.splitlines()[-1]) == (2, file, text)
        assert "wrote" not in out
        assert {p.name for p in output.iterdir()} == set(files[: number - 1])
        assert not leftovers(tmp_path)
    disk.fails = None
    code, out, _ = thalweg(*command(folder, scans, tmp_path / name))
    assert code == 0 and "wrote" in out
    assert {p.name for p in (tmp_path / name).iterdir()} == set(files)


def test_a_failing_report_of_a_second_run_leaves_none_of_the_first(
    thalweg, folder, scans, tmp_path, disk
):
    output = tmp_path / "out"
    assert thalweg(*single(folder, scans, output))[0] == 0
    before = json.loads((output / "report.json").read_text())
    disk.count, disk.fails = 0, 5
    assert thalweg(*single(folder, scans, output))[0] == 2
    assert not (output / "report.json").exists() and before["count"] == 2


def test_a_result_that_fails_is_told_of_and_the_report_says_so(
    thalweg, folder, scans, tmp_path, disk
):
    output, disk.fails = tmp_path / "out", 1
    arguments = ("restore", scans, "--skeleton", folder, "--output", output)
    code, _, err = thalweg(*arguments)
    assert code == 1 and err.startswith(f"thalweg: {output}/a.png must be writable: No space")
    assert list(json.loads((output / "report.json").read_text())["failures"]) == ["a.png"]
    assert sorted(p.name for p in output.iterdir()) == ["b.png", "report.json"]
    disk.count, disk.fails = 0, 2
    code, _, err = thalweg(*arguments)
    assert code == 2 and err.startswith(f"thalweg: {output}/report.json must be writable: No space")
    assert sorted(p.name for p in output.iterdir()) == ["a.png", "b.png"]  # no report of before
    disk.fails = None
    assert thalweg(*arguments)[0] == 0 and not leftovers(output)


def test_what_was_there_stays_where_writing_fails(tmp_path, disk):
    (tmp_path / "x").write_text("before")
    disk.fails = 1
    with pytest.raises(InputError, match=r"x must be writable: No space left on device$"):
        with replacement(tmp_path / "x") as path:
            path.write_text("after")
    assert (tmp_path / "x").read_text() == "before" and not leftovers(tmp_path)
