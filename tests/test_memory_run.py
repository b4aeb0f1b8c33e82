"""Which experiments are run, in which order, and what is put away once one is through."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import InputError
from golden.files import read_json
from sw.experiments.memory import page, valleys
from sw.experiments.memory.catalogue import EXPERIMENTS, choose_experiments, find_experiments
from sw.experiments.memory.run import run
from sw.experiments.memory.task import Outcome
from tests.memory_toys import real

NAMES = [experiment.name for experiment in EXPERIMENTS]
GATED = {"landscape", "saliency", "letters", "compute"}


@pytest.fixture(scope="module")
def task():
    return real(3)


def names(experiments):
    return [experiment.name for experiment in experiments]


def test_experiments_come_in_the_order_of_the_page_whatever_was_asked_first():
    assert names(find_experiments(["letters", "valleys", "falling"])) == [
        "falling",
        "valleys",
        "letters",
    ]
    assert find_experiments([]) == list(EXPERIMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_experiments_on_the_gate_need_one_and_the_others_do_not(task, name):
    assert names(choose_experiments([name], task.skeleton, task.network, None)) == [name]
    if name not in GATED:
        assert names(choose_experiments([name], task.skeleton, None, None)) == [name]
        return
    line = f"^Experiment {name} must have a skeleton with a gate; calibrated runs without$"
    with pytest.raises(InputError, match=line):
        choose_experiments([name], task.skeleton, None, None)


def test_letters_that_are_lacking_are_left_out_of_all_and_refused_where_named(task):
    said = []
    found = choose_experiments([], task.skeleton, task.network, "none here", said.append)
    assert names(found) == [name for name in NAMES if name != "letters"]
    assert said == ["letters: left out, none here"]
    with pytest.raises(InputError, match=r"^Experiment letters must have letters and gates: non"):
        choose_experiments(
            ["holding", "letters"], task.skeleton, task.network, "none here", said.append
        )
    others = ["holding", "valleys"]
    found = choose_experiments(others, task.skeleton, task.network, "none here", said.append)
    assert names(found) == others
    found = choose_experiments([], task.skeleton, task.network, None, said.append)
    assert names(found) == NAMES
    assert len(said) == 1


@pytest.fixture
def in_parts(task, tmp_path):
    """A stand-in for valleys of two parts; it is stopped between them the first time."""
    made = []

    def part(number):
        made.append(number)
        return {"n": np.arange(number)}

    def measure(given):
        first = given.keep("part-1", lambda: part(1))
        if made == [1]:
            made.append("stopped")
            raise KeyboardInterrupt
        second = given.keep("part-2", lambda: part(2))
        return Outcome({"sizes": [len(first["n"]), len(second["n"])]}, first)

    stand_in = replace(
        valleys.EXPERIMENT,
        measure=measure,
        bars=lambda results: [],
        draw=lambda outcome, folder: [],
    )
    said = []
    return made, said, lambda: run(task, [stand_in], tmp_path, said.append)


def test_parts_of_an_experiment_last_until_it_is_whole(in_parts, tmp_path):
    made, said, call = in_parts
    with pytest.raises(KeyboardInterrupt):
        call()
    (folder,) = (tmp_path / "kept").iterdir()
    assert [path.name for path in folder.iterdir()] == ["part-1.npz"]
    assert not (tmp_path / "memory.json").exists()
    assert call()["experiments"] == {"valleys": {"sizes": [1, 2]}}
    assert made == [1, "stopped", 2], "the first part is not made again"
    names = sorted(path.suffix for path in (tmp_path / "kept").iterdir())
    assert names == [".json", ".npz"], "the parts are removed once the whole is kept"
    assert call()["experiments"] == {"valleys": {"sizes": [1, 2]}} and len(made) == 3
    assert said == ["valleys ...", "valleys ...", "valleys: kept from an earlier run"]


def test_a_report_says_what_was_looked_at(task, tmp_path):
    stand_in = replace(
        valleys.EXPERIMENT,
        measure=lambda given: Outcome({}, {}),
        bars=lambda results: [],
        draw=lambda outcome, folder: [folder / "a.png"],
    )
    found = run(task, [stand_in], tmp_path, lambda line: None)
    assert found == {
        "skeleton": "calibrated",
        "skeleton_digest": task.skeleton.digest,
        "gated": True,
        "experiments": {"valleys": {}},
        "bars": {"valleys": []},
        "pictures": ["a.png"],
    }
    assert read_json(tmp_path / "memory.json") == found
    alone = replace(task, network=None)
    assert run(alone, [stand_in], tmp_path, lambda line: None)["gated"] is False


def test_other_shapes_and_types_of_the_same_bytes_are_other_outcomes(task):
    key = valleys.EXPERIMENT.key
    images, labels = task.digits.images, task.digits.labels
    turned = task.digits._replace(images=images.reshape(3, 4, 9))
    assert key(replace(task, digits=turned)) != key(task)
    cast = task.digits._replace(labels=labels.astype(np.int64).view(np.uint64))
    plain = task.digits._replace(labels=labels.astype(np.int64))
    found = [key(replace(task, digits=given)) for given in (plain, cast)]
    assert found[0] != found[1]


def test_docs_get_the_pictures_and_the_report_of_the_folder(tmp_path):
    folder, docs = tmp_path / "out", tmp_path / "docs"
    for place in (folder, docs / "memory"):
        place.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"new a")
    (folder / "b.gif").write_bytes(b"new b")
    (folder / "old.png").write_bytes(b"of an earlier run")
    (folder / "memory.json").write_text('{"pictures": ["a.png", "b.gif"]}\n')
    (docs / "memory" / "a.png").write_bytes(b"old a")
    (docs / "memory" / "c.png").write_bytes(b"old c")
    (docs / "memory" / "mine.png").write_bytes(b"mine")
    (docs / "memory.json").write_text('{"pictures": ["a.png", "c.png"]}\n')
    assert page.publish(folder, docs) == docs / "memory.json"
    assert (docs / "memory.json").read_bytes() == (folder / "memory.json").read_bytes()
    found = {path.name: path.read_bytes() for path in (docs / "memory").iterdir()}
    assert found == {"a.png": b"new a", "b.gif": b"new b", "mine.png": b"mine"}


def test_docs_that_are_not_there_are_refused_before_anything_is_copied(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "memory.json").write_text('{"pictures": ["a.png"]}\n')
    line = f"^{tmp_path / 'docs'} must be a folder: only a checkout of the project has docs$"
    with pytest.raises(InputError, match=line):
        page.publish(tmp_path, tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


def test_docs_whose_pictures_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "memory").write_text("a file")
    with pytest.raises(InputError, match=r"memory must be a writable folder: File exists$"):
        page.require_docs(tmp_path / "docs")


def test_every_part_of_the_page_has_the_numbers_and_the_verdict_of_its_experiment(
    tmp_path, monkeypatch
):
    found = [
        replace(experiment, tabulate=lambda results: f"table {results['n']}")
        for experiment in EXPERIMENTS
    ]
    monkeypatch.setattr(page, "EXPERIMENTS", found)
    bar = {"bar": "b", "measured": "m"}
    found = {
        "skeleton": "s", "skeleton_digest": "0" * 64,
        "experiments": {name: {"n": n} for n, name in enumerate(NAMES)},
        "bars": {name: [bar | {"name": f"{name}{i}", "met": i > 1} for i in range(n + 1)]
                 for n, name in enumerate(NAMES)},
    }  # fmt: skip
    del found["experiments"]["damage"], found["bars"]["damage"]
    path = tmp_path / "memory.json"
    path.write_text(json.dumps(found))
    made = page.parts(path)
    for n, name in enumerate(NAMES):
        if name == "damage":
            assert (made["memory-damage"], made["memory-damage-verdict"]) == (page.UNMEASURED, "")
            continue
        assert made[f"memory-{name}"] == f"table {n}"
        missed = "; ".join(f"{name}{i}: m, bar b" for i in range(min(2, n + 1)))
        wanted = f"**Missed**, {min(2, n + 1)} of {n + 1} bars: {missed}.\n"
        assert made[f"memory-{name}-verdict"] == wanted
    assert "23 of 38 bars" in made["memory-head"]
    assert made["memory-bars"].count("| **no** |") == 15
