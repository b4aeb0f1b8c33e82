"""`thalweg memory`: every option reaches the task, the experiments, the chip and the documents."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sw.cli import memory as remembering
from sw.experiments.memory.supply import LETTERS
from sw.judge.evaluate import Judged
from tests.recorded import Calls

DIGITS = Judged("test", np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8))
SKELETON = SimpleNamespace(name="n")
BARS = {"a": [{"name": "low", "bar": "at most 3", "measured": "2", "met": True}],
        "b": [{"name": "high", "bar": "at least 5", "measured": "4", "met": False},
              {"name": "wide", "bar": "at least 1", "measured": "6", "met": True}]}  # fmt: skip


@pytest.fixture
def played(monkeypatch):
    """Have `thalweg memory` measure nothing; return what it calls."""
    calls = Calls()
    letters = Judged("letters-odd", DIGITS.images, DIGITS.labels)
    for place, gives in (
        ("sw.runs.loading.load_run", (SKELETON, "network")),
        ("sw.experiments.memory.supply.letters_at", letters),
        ("sw.experiments.memory.supply.gates_beside", {"stored": "gate"}),
        ("sw.experiments.memory.supply.missing_letters", "what is lacking"),
        ("sw.experiments.memory.catalogue.choose_experiments", ["valleys", "damage"]),
        ("sw.experiments.memory.run.run", {"bars": BARS}),
        ("sw.data.load.load", "digits"),
        ("sw.judge.evaluate.digits_to_judge", DIGITS),
        ("sw.judge.evaluate.require_size", None),
        ("sw.experiments.memory.page.require_docs", None),
        ("sw.experiments.memory.page.publish", "docs/memory.json"),
        ("sw.cli.docs.docs", None),
        ("sw.cli.memory.open_device", "the chip"),
        ("sw.cli.memory.chip_digest", "a digest"),
        ("sim.measure.toggles.count", {"lane": 7}),
    ):
        monkeypatch.setattr(place, calls.fake(place.rpartition(".")[2], gives))
    return calls


def test_every_option_reaches_the_task_and_the_experiments(thalweg, played):
    words = ("--skeleton", "s", "--gate", "g", "--images", 12, "--noise", 13, "--seed", 14,
             "--data", "d", "--letters", "l", "--output", "o", "--no-chip")  # fmt: skip
    code, out, _ = thalweg("memory", "damage", "valleys", *words)
    assert code == 0 and out.endswith("2 of 3 bars are met\nwrote o/memory.json\n")
    assert played.of("load_run") == (("s", Path("g")), {})
    assert played.of("letters_at") == ((Path("l"), Path("d"), 12), {})
    assert played.of("gates_beside") == (("s", SKELETON, "letters-odd"), {})
    assert played.of("missing_letters")[0][0].rows == "letters-odd"
    assert played.of("missing_letters")[0][1:] == ({"stored": "gate"}, "n")
    names, *rest, say = played.of("choose_experiments")[0]
    assert names == ["damage", "valleys"] and callable(say)
    assert rest == [SKELETON, "network", "what is lacking"]
    assert played.of("load") == ((Path("d"),), {"download": True})
    assert played.of("digits_to_judge") == (("digits", 12), {})
    assert played.of("require_size") == ((DIGITS, SKELETON), {})
    task, names, output, say = played.of("run")[0]
    assert (names, output, callable(say)) == (["valleys", "damage"], Path("o"), True)
    assert (task.skeleton, task.network, task.digits) == (SKELETON, "network", DIGITS)
    assert (task.noise, task.seed, task.gates) == (13, 14, {"stored": "gate"})
    assert task.letters.rows == "letters-odd"
    assert task.chip is None and task.toggles is None and task.chip_digest is None
    assert task.progress is remembering.progress
    assert not {"require_docs", "publish", "docs"} & {*played.names}


def test_all_is_measured_on_the_simulated_chip_unless_told(thalweg, played):
    assert thalweg("memory")[0] == 0
    assert played.of("load_run") == (("digits-memory", None), {})
    assert played.of("letters_at") == ((None, None, 1000), {})
    assert played.of("choose_experiments")[0][0] == []
    task, _, output, _ = played.of("run")[0]
    assert (task.noise, task.seed, output) == (100, 0, Path("build/memory"))
    assert task.chip("skeleton") == "the chip" and task.chip_digest == "a digest"
    assert played.of("chip_digest") == ((SKELETON,), {})
    assert played.of("open_device") == (("simulated", ("skeleton",)), {})
    assert task.toggles(*range(5)) == {"lane": 7}
    assert played.of("count") == ((0, 1, 2, 3, 4), {})


def test_full_takes_all_digits_and_ten_thousand_starts(thalweg, played, monkeypatch):
    alone = played.fake("load_subject", (SKELETON, None))
    monkeypatch.setattr("sw.cli.memory.load_subject", alone)
    thalweg("memory", "--full", "--noise", 20, "--images", 30, "--no-gate")
    assert played.of("load_subject") == (("digits-memory", None, True), {})
    assert played.of("letters_at")[0][2] is None and played.of("digits_to_judge")[0][1] is None
    assert played.of("run")[0][0].noise == 10_000


def test_gates_are_of_the_usual_letters_where_there_are_none(thalweg, played, monkeypatch):
    monkeypatch.setattr("sw.experiments.memory.supply.letters_at", lambda *given: None)
    thalweg("memory")
    assert played.of("gates_beside") == (("digits-memory", SKELETON, LETTERS), {})
    assert played.of("run")[0][0].letters is None


def test_all_experiments_may_go_into_docs(thalweg, fails, played):
    fails("--docs must come with all experiments, not with 'damage'", "memory", "damage", "--docs")
    assert played == []
    code, out, _ = thalweg("memory", "--docs", "--output", "o")
    assert (code, out.splitlines()[-2:]) == (0, ["wrote o/memory.json", "wrote docs/memory.json"])
    assert played.names[0] == "require_docs" and played.names[-2:] == ["publish", "docs"]
    assert played.of("publish") == ((Path("o"),), {}) and played.of("docs") == ((), {})


def test_an_unknown_experiment_is_refused_before_anything_is_read(thalweg, played):
    code, _, err = thalweg("memory", "falling", "nothing")
    assert code == 2 and err.endswith(", not 'nothing'\n") and played == []


def test_bars_are_shown_with_what_was_measured(thalweg, played):
    _, out, _ = thalweg("memory")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert [row for row in rows if len(row) == 4] == [
        ["low", "at most 3", "2", "yes"],
        ["high", "at least 5", "4", "NO"],
        ["wide", "at least 1", "6", "yes"],
    ]
