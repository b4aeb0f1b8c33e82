"""What is kept of the table and the ablation: found again by all that decides it, and whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from sw.experiments.ablation.measure import Ablation
from sw.experiments.ablation.rows import Row
from sw.experiments.table import subjects
from sw.experiments.table.measure import CODE, Store
from sw.experiments.table.subject import ROOT, Subject, digest_of
from sw.judge.evaluate import Judged
from sw.train.options import Options
from tests.changes import DIGITS, moved

JUDGED = Judged("test", DIGITS.train_images, DIGITS.train_labels)
SUBJECT = Subject(name="a", restore=lambda damaged, mask, done: damaged, identity="b")
STORED = {
    "name": (replace(SUBJECT, name="c"), JUDGED, "row"),
    "identity": (replace(SUBJECT, identity="c"), JUDGED, "row"),
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


@pytest.mark.parametrize("path", CODE, ids=str)
def test_a_store_looks_at_the_code_and_the_referee(made, monkeypatch, path):
    assert made(SUBJECT, JUDGED, "row") == 1
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda each: read(each) + b"#" * (each == ROOT / path))
    assert made(SUBJECT, JUDGED, "row") == 2


def test_a_store_looks_at_all_that_judges():
    names = {str(path.relative_to(ROOT) if path.is_absolute() else path) for path in CODE}
    assert names == {
        "sw/experiments/table/measure.py",
        "sw/judge/metrics.py",
        "sw/data/damage.py",
        "sw/data/protocol.py",
        "sw/judge/referee/__init__.py",
        "sw/judge/referee/weights.safetensors",
    }


@pytest.mark.parametrize("text", ["", "{ broken", "null", "[]", '{"n": 1'])
def test_a_store_believes_what_is_whole(made, tmp_path, text):
    assert made(SUBJECT, JUDGED, "row") == 1
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert made(SUBJECT, JUDGED, "row") == made(SUBJECT, JUDGED, "row") == 2


def test_a_digest_of_parts_keeps_them_apart(tmp_path):
    for name in ("a.py", "b.py", "c.h", "d.cpp"):
        (tmp_path / name).write_text(name)
    found = {digest_of(tmp_path), digest_of("a", "b"), digest_of("ab"), digest_of("b", "a")}
    for path in tmp_path.iterdir():
        path.write_text("other")
        found.add(digest_of(tmp_path))
    assert len(found) == 8
    assert digest_of("a") == digest_of(b"a")


def test_code_that_has_moved_is_no_empty_digest():
    with pytest.raises(FileNotFoundError, match="decides what is measured, and is not there"):
        digest_of(Path("sw/no_such_file.py"))


@pytest.fixture
def seen(monkeypatch):
    """Which files digests look at."""
    read, found = Path.read_bytes, set()

    def watched(path):
        found.add(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    return found


def test_subjects_are_named_by_all_their_code(seen, monkeypatch):
    wanted = {
        "golden": {"golden/model.py", "golden/gate.py", "sw/experiments/table/automata.py"},
        "float": {
            "sw/model/step.py",
            "sw/model/floats.py",
            "sw/model/rule.py",
            "sw/model/gate.py",
            "sw/model/quantisers.py",
        },
        "chip": {
            "hw/chip.py",
            "sim/devices/device.py",
            "sim/devices/chip.cpp",
            "sim/devices/served.h",
        },
        "networks": {
            "sw/model/baselines/models.py",
            "sw/experiments/baselines/run.py",
            "sw/model/baselines/shelf.py",
        },
        "closed forms": {"sw/experiments/baselines/closed.py"},
    }
    found = list(subjects.subjects(DIGITS.train_images, lambda skeleton: None))
    paths = {str(path.relative_to(ROOT)) for path in seen}
    assert set().union(*wanted.values()) <= paths
    assert len({subject.identity for subject in found if subject.name != "blanked input"}) == (
        len(found) - 1 - 3  # the four closed forms share one file
    )


def test_closed_forms_are_named_by_their_training_digits():
    one, other = (
        next(iter(subjects.closed_forms(images))).identity
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

    def learnt(options, digits):
        options.folder.mkdir(parents=True, exist_ok=True)
        calls.append(options.folder)

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
