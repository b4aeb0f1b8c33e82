"""What is kept of the table and the ablation: found again by all that decides it, and whole."""

from dataclasses import replace

import numpy as np
import pytest

from sw.experiments import kept
from sw.experiments.ablation.measure import Ablation
from sw.experiments.ablation.rows import Row
from sw.experiments.kept import key_of
from sw.experiments.table import subjects
from sw.experiments.table.measure import Store
from sw.experiments.table.subject import Subject
from sw.judge.evaluate import Judged
from sw.judge.referee import WEIGHTS
from sw.train.options import Options
from tests.changes import DIGITS, moved

JUDGED = Judged("test", DIGITS.train_images, DIGITS.train_labels)
SUBJECT = Subject(name="a", restore=lambda damaged, mask, done: damaged, version=1)
STORED = {
    "name": (replace(SUBJECT, name="c"), JUDGED, "row"),
    "version": (replace(SUBJECT, version=2), JUDGED, "row"),
    "decides": (replace(SUBJECT, decides=("weights",)), JUDGED, "row"),
    "what": (SUBJECT, JUDGED, "30% blanked"),
    "rows": (SUBJECT, JUDGED._replace(rows="show"), "row"),
    "images": (SUBJECT, JUDGED._replace(images=moved(JUDGED.images)), "row"),
    "labels": (SUBJECT, JUDGED._replace(labels=moved(JUDGED.labels)), "row"),
}


@pytest.fixture
def made(tmp_path):
    """Return how often something was made when a store was asked."""
    store, calls = Store(tmp_path), []

    def ask(*what):
        assert store.get(*what, lambda: calls.append(what) or {"n": len(calls)})["n"] > 0
        return len(calls)

    return ask


@pytest.mark.parametrize("name", STORED)
def test_a_store_looks_at(made, name):
    assert made(SUBJECT, JUDGED, "row") == made(SUBJECT, JUDGED, "row") == 1
    assert made(*STORED[name]) == 2


@pytest.mark.parametrize("place", ["kept.PROTOCOL", "table.measure.VERSION"])
def test_a_store_looks_at_the_version_of(made, monkeypatch, place):
    assert made(SUBJECT, JUDGED, "row") == 1
    monkeypatch.setattr(f"sw.experiments.{place}", 2)
    assert made(SUBJECT, JUDGED, "row") == 2


def test_a_store_looks_at_the_referee(made, monkeypatch):
    assert made(SUBJECT, JUDGED, "row") == 1
    monkeypatch.setattr(kept, "read_bytes", lambda path: b"other" * (path == WEIGHTS))
    assert made(SUBJECT, JUDGED, "row") == 2


@pytest.mark.parametrize("text", ["", "{ broken", "null", "[]", '{"n": 1'])
def test_a_store_believes_what_is_whole(made, tmp_path, text):
    assert made(SUBJECT, JUDGED, "row") == 1
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert made(SUBJECT, JUDGED, "row") == made(SUBJECT, JUDGED, "row") == 2


def test_keys_keep_their_parts_apart(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    file, numbers = tmp_path / "a", np.arange(4, dtype=np.int8)
    different = [
        (), (None,), (0,), (False,), ("",), ([],), ("a", "b"), ("ab",), (["a", "b"],), (["a"], "b"),
        (b"a",), (tmp_path / "b",), (tmp_path / "none", 1), ({"a": "b"},), ({"b": "a"},), (1.5,),
        (numbers,), (numbers.astype(np.int16),), (numbers.reshape(2, 2),), (numbers.tobytes(),),
        (numbers.tolist(),), (Judged("a", numbers, numbers),),
    ]  # fmt: skip
    keys = {key_of("x", 1, *decides) for decides in different}
    keys |= {key_of("y", 1), key_of("x", 2)}
    assert len(keys) == len(different) + 2
    assert key_of("x", 1, file) == key_of("x", 1, b"a"), "the content counts, not the place"
    assert key_of("x", 1, numbers[::2]) == key_of("x", 1, numbers[::2].copy())
    with pytest.raises(TypeError):
        key_of("x", 1, object())


def test_a_comment_and_a_moved_file_decide_nothing(monkeypatch):
    """No key reads a source file."""
    seen = []
    monkeypatch.setattr(kept, "read_bytes", lambda path: seen.append(path) or b"")
    for subject in listed(DIGITS.train_images):
        assert len(subject.key) == 64
    assert {path.suffix for path in seen} == {".json", ".safetensors"}


def listed(images):
    return list(subjects.subjects(images, lambda skeleton: None, lambda skeleton: "its Verilog"))


def test_keys_of_subjects_differ():
    keys = [subject.key for subject in listed(DIGITS.train_images)]
    assert len({*keys}) == len(keys)


def test_closed_forms_are_named_by_their_training_digits():
    one, other = (
        next(iter(subjects.closed_forms(images))).key
        for images in (DIGITS.train_images, moved(DIGITS.train_images))
    )
    assert one != other


def ablation(tmp_path, **changes):
    return Ablation(Options(output=tmp_path, **changes), DIGITS)


def test_runs_of_an_ablation_lie_by_all_that_decides_them(tmp_path, monkeypatch):
    base = Row(name="x", says="x")
    rows = [base, Row(name="x", says="x", changes={"damage": 0.5}), Row(name="x", says="x", qat=2)]
    folders = {ablation(tmp_path).options(row, seed).folder for row in rows for seed in (0, 1)}
    folders.add(ablation(tmp_path, batches=17).options(base, 0).folder)
    other = replace(DIGITS, test_labels=moved(DIGITS.test_labels))
    folders.add(Ablation(Options(output=tmp_path), other).options(base, 0).folder)
    assert len(folders) == 8
    assert all(folder.parent == tmp_path / "runs" for folder in folders)


def test_runs_of_an_ablation_lie_by_its_version(tmp_path, monkeypatch):
    row = Row(name="x", says="x")
    before = ablation(tmp_path).options(row, 0).folder
    monkeypatch.setattr("sw.experiments.ablation.measure.VERSION", 2)
    assert ablation(tmp_path).options(row, 0).folder != before


def test_a_distilled_run_lies_by_the_weights_of_its_teacher(tmp_path, monkeypatch):
    weights = tmp_path / "unet.safetensors"
    monkeypatch.setattr("sw.experiments.ablation.measure.weights_of", lambda name: weights)
    row, found = Row(name="x", says="x", changes={"teacher": "unet"}), set()
    for text in ("one", "two"):
        weights.write_text(text)
        found.add(ablation(tmp_path).options(row, 0).folder)
    assert len(found) == 2


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Run a row of an ablation whose training is counted, not done; return how often it was."""
    calls = []

    def learnt(recipe):
        folder = recipe.options.folder
        folder.mkdir(parents=True, exist_ok=True)
        calls.append(folder)

    found = {"psnr_mean": 1.0, "digit_id": 2.0, "link_bytes": 3, "seconds": 4.0, "rows": "test"}
    for name, value in (
        ("prepare", lambda options: None),
        ("learn", learnt),
        ("measure", lambda learner, digits: found | {"images": 1}),
    ):
        monkeypatch.setattr(f"sw.experiments.ablation.measure.{name}", value)
    rows = (Row(name="base", says="x"), Row(name="base-2", says="y"))
    table = Ablation(Options(output=tmp_path), DIGITS, rows)

    def run(*seeds):
        results = table.run([rows[0]], seeds)
        assert [run["seed"] for run in results["rows"][0]["runs"]] == [*seeds]
        return len(calls)

    return run


@pytest.mark.parametrize("text", ["", '{"row": "base", "se', "null", "{}"])
def test_a_result_of_an_ablation_is_believed_only_whole(trained, tmp_path, text):
    assert trained(0) == trained(0) == 1
    (path,) = tmp_path.glob("runs/*/result.json")
    path.write_text(text)
    assert trained(0) == trained(0) == 2


def test_folders_that_are_no_runs_of_a_row_are_left_alone(trained, tmp_path):
    for name in ("base-x-y", "base-2-0-0123456789ab", "base", "base-7-0123456789ab"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "result.json").write_text('{"row": 1, "seed": 2, "data": 3}')
    assert trained(0, 1) == 2
