"""What an earlier command left: curves of another table, and folders that cannot be written."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from sw.data.load import Digits, embedded_digits
from sw.experiments.table import make, report, subjects

POINTS = [{"name": "a", "damage": "x", "psnr_mean": 1.0, "digit_id": 2.0, "images": 3}]


@pytest.fixture
def table(thalweg, tmp_path, monkeypatch):
    """Make the table of nothing, in a folder, with these options."""
    digits = Digits(embedded_digits()[0][:1], np.zeros(1, np.uint8), None, None, "one")
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    monkeypatch.setattr(subjects, "subjects", lambda *given: [])
    monkeypatch.setattr(make, "rows", lambda *given: [])
    monkeypatch.setattr(make, "curves", lambda *given: POINTS)
    monkeypatch.setattr(report, "draw_rows", lambda rows, path: path.write_text("rows"))
    monkeypatch.setattr(report, "draw_curves", lambda points, path: path.write_text("curves"))

    def call(*options, name="table.json"):
        return thalweg("eval", "--images", "1", "--output", tmp_path / name, *options)

    return call


def names(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_curves_stay_beside_the_table_they_were_drawn_with(table, tmp_path):
    assert table("--curves")[0] == 0
    assert names(tmp_path) == {"table.json", "table.png", "curves.json", "curves.png"}
    assert json.loads((tmp_path / "curves.json").read_text()) == POINTS


def test_curves_of_an_earlier_run_are_removed_aloud(table, tmp_path):
    table("--curves")
    code, out, _ = table()
    assert code == 0 and names(tmp_path) == {"table.json", "table.png"}
    for name in ("curves.json", "curves.png"):
        line = f"removed {tmp_path / name}, of an earlier run: --curves makes it anew"
        assert line in out.splitlines()


@pytest.mark.parametrize("text", ['{"mine": 1}', '["mine"]', '[{"name": "mine"}]', "mine"])
def test_a_file_of_that_name_that_is_not_ours_stays(table, tmp_path, text):
    (tmp_path / "curves.json").write_text(text)
    (tmp_path / "curves.png").write_text("mine")
    assert table()[0] == 0
    assert (tmp_path / "curves.json").read_text() == text
    assert names(tmp_path) == {"table.json", "table.png", "curves.json", "curves.png"}


@pytest.mark.parametrize("name", ["curves.json", "table.png"])
def test_a_table_does_not_take_the_name_of_what_is_drawn_beside_it(table, tmp_path, name):
    line = f"--output must be a .json file other than curves.json, not '{tmp_path / name}'"
    assert table(name=name) == (2, "", f"thalweg: {line}\n")
    assert names(tmp_path) == set()


WRONG = {
    "table.json": ("folder", "a file to write, not a folder"),
    "kept": ("file", "a writable folder: File exists"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_cannot_be_written_is_said_before_the_work(table, tmp_path, monkeypatch, name):
    monkeypatch.setattr(make, "rows", None)
    kind, text = WRONG[name]
    (tmp_path / name).mkdir() if kind == "folder" else (tmp_path / name).write_text("a file")
    assert table() == (2, "", f"thalweg: {tmp_path / name} must be {text}\n")


def test_results_that_cannot_be_written_are_said_before_the_work(thalweg, tmp_path, monkeypatch):
    digits = Digits(embedded_digits()[0][:1], np.zeros(1, np.uint8), None, None, "one")
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    monkeypatch.setattr("sw.judge.evaluate.evaluate", SimpleNamespace())
    (tmp_path / "x.json").mkdir()
    text = f"thalweg: {tmp_path / 'x.json'} must be a file to write, not a folder\n"
    given = ("eval", "digits", "--images", "1", "--output", tmp_path / "x.json")
    assert thalweg(*given) == (2, "", text)


@pytest.mark.parametrize("name", ["runs", "results.json"])
def test_an_ablation_that_cannot_be_written_is_said_before_the_work(
    thalweg, tmp_path, monkeypatch, name
):
    digits = Digits(embedded_digits()[0][:1], np.zeros(1, np.uint8), None, None, "one")
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    monkeypatch.setattr("sw.experiments.ablation.measure.learn", None)
    text = "a writable folder: File exists"
    if name == "runs":
        (tmp_path / name).write_text("a file")
    else:
        (tmp_path / name).mkdir()
        text = "a file to write, not a folder"
    found = thalweg("ablate", "--rows", "base", "--output", tmp_path)
    assert found == (2, "", f"thalweg: {tmp_path / name} must be {text}\n")


def test_docs_that_are_not_there_are_said_before_the_work(thalweg, fails, tmp_path, monkeypatch):
    text = f"{tmp_path / 'docs'} must be a folder: only a checkout of the project has docs"
    monkeypatch.setattr(
        "sw.experiments.memory.page.require_docs.__defaults__", (tmp_path / "docs",)
    )
    monkeypatch.setattr("sw.experiments.memory.run.run", None)
    monkeypatch.setattr("sw.data.load.load", None)
    fails(text, "memory", "--docs", "--output", tmp_path / "out")


@pytest.mark.parametrize("option", ["--docs", "--ship"])
def test_show_digits_for_docs_are_refused_before_the_work(
    table, fails, tmp_path, monkeypatch, option
):
    """The fixture's data have no test digits."""
    text = (
        "Results in docs must be of MNIST's test digits, not of its show digits: "
        "--data names a folder"
    )
    monkeypatch.setattr("sw.experiments.ablation.measure.learn", None)
    monkeypatch.setattr(make, "rows", None)
    if option == "--docs":
        fails(text, "ablate", "--rows", "base", "--docs", "--output", tmp_path / "out")
    else:
        assert table("--ship") == (2, "", f"thalweg: {text}\n")
