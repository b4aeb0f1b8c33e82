"""The verb: what is kept, what is refused, what the page says."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from golden.machine import Machine
from golden.skeleton import SHIPPED, Skeleton
from sw.data.load import show_digits
from sw.experiments.memory import holding, letters, page, valleys
from sw.experiments.memory.batchwise import batchwise
from sw.experiments.memory.catalogue import EXPERIMENTS
from sw.experiments.memory.run import keeper, run
from sw.experiments.memory.task import Outcome, Task, at_least, at_most
from sw.judge.evaluate import Judged, score
from sw.runs.loading import load_run

SMALL = ("--images", 10, "--noise", 10, "--no-chip")


@pytest.fixture(scope="module")
def task():
    skeleton, network = load_run("digits")
    images, labels = show_digits()
    return Task(skeleton, network, Judged("show", images[:2], labels[:2]))


@pytest.fixture
def ungated(tmp_path):
    (tmp_path / "alone").mkdir()
    values = json.loads((SHIPPED / "digits" / "skeleton.json").read_text())
    values["spec"]["gate"] = None
    (tmp_path / "alone" / "skeleton.json").write_text(json.dumps(values))
    return tmp_path / "alone"


def test_refuses_in_one_line(fails, ungated, tmp_path):
    names = ", ".join(experiment.name for experiment in EXPERIMENTS)
    fails(f"Experiment must be one of {names}, not 'hills'", "memory", "holding", "hills")
    fails(
        "Experiment saliency must have a skeleton with a gate; alone runs without",
        *("memory", "saliency", "--skeleton", ungated, *SMALL),
    )
    fails(
        f"--letters must be a folder of IDX files, not '{tmp_path / 'none'}'",
        *("memory", "letters", "--skeleton", "digits", "--letters", tmp_path / "none", *SMALL),
    )
    fails(
        "Experiment letters must have letters and gates: "
        "digits has no gate-LETTERS-NAME.safetensors",
        *("memory", "letters", "--skeleton", "digits", *SMALL),
    )
    fails(
        "--docs must come with all experiments, not with 'holding'",
        *("memory", "holding", "--skeleton", "digits", "--docs", *SMALL),
    )


def test_holding_by_the_protocol(task):
    results, arrays = holding.measure(task)
    machine, states = Machine(task.skeleton, task.network), task.encoded(slice(0, 2))
    for step in range(1, 20):
        states = machine.advance(states, step)
        if step == 9:
            for index, state in enumerate(states):
                lost = np.random.default_rng([index, 9]).permutation(1024)[:307]
                state.reshape(16, 1024)[:, lost] = 0
    shown = machine.model.readout(states)
    np.testing.assert_array_equal(arrays["shown struck 9"], shown)
    assert results["struck"]["9"] == score(task.referee, shown, *task.digits[1:])
    assert list(results["steps"]) == ["10", "20", "50", "200"]
    assert results["at_rest"] == 0 and results["chip"] is None
    same = {key: results[key] for key in ("steps", "struck", "at_rest")}
    assert results["restoring"] == {"skeleton": "digits"} | same  # the task's is that one


def test_batches_go_on_where_a_run_was_stopped(task, tmp_path, monkeypatch):
    monkeypatch.setattr("sw.experiments.memory.batchwise.SIZE", 1)
    begun = []

    def work(batch):
        if (batch.part.start, begun) == (1, [0]):
            begun.append("stopped")
            raise KeyboardInterrupt
        begun.append(batch.part.start)
        batch.show("start", batch.encoded)

    resumed = replace(task, keep=keeper(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        batchwise(resumed, "some work", work)
    found = batchwise(resumed, "some work", work)
    assert begun == [0, "stopped", 1]
    want = task.machine.model.readout(task.encoded(slice(0, 2)))
    np.testing.assert_array_equal(found["start"], task.judge(want, slice(0, 2)))
    np.testing.assert_array_equal(found["shown start"], want[:1])


def test_what_was_measured_is_kept_until_something_changes(task, tmp_path):
    calls = []

    def measure(given):
        calls.append(given.seed)
        return Outcome({"seed": given.seed}, {"three": np.arange(3)})

    drawn = []
    stand_in = replace(
        valleys.EXPERIMENT,
        measure=measure,
        bars=lambda results: [at_least("seed", results["seed"], 1)],
        draw=lambda outcome, folder: drawn.append(outcome) or [],
    )
    for seed in (0, 0, 1):
        given = Task(task.skeleton, task.network, task.digits, seed=seed)
        results = run(given, [stand_in], tmp_path, lambda line: None)
        assert results["experiments"] == {"valleys": {"seed": seed}}
        assert results["bars"]["valleys"][0]["met"] == (seed == 1)
    assert calls == [0, 1]
    np.testing.assert_array_equal(drawn[1].arrays["three"], np.arange(3))
    assert json.loads((tmp_path / "memory.json").read_text()) == results


def test_bars_are_met_at_their_very_value():
    for bar, met in (
        (at_least("a", 22.5, 22.5), True),
        (at_least("a", 22.49, 22.5), False),
        (at_most("a", 0.3, 0.3), True),
        (at_most("a", 0.31, 0.3), False),
        (at_most("a", 96.83 - 95.83, 1), True),  # 1.0000000000000142
    ):
        assert bar.met is met


def test_valleys_of_a_rule_that_never_rests_have_no_attractors(task, monkeypatch):
    monkeypatch.setattr(valleys, "LIMIT", 4)
    monkeypatch.setattr(valleys, "EARLY", 2)
    monkeypatch.setattr(valleys, "LATE", 4)
    monkeypatch.setattr(valleys, "SHAKES", (8,))
    results, arrays = valleys.measure(replace(task, noise=5))
    assert results["settled"] == results["at_rest"] == results["in_cycles"] == 0
    assert results["attractors"]["distinct"] == 0 and results["last_entry"] == -1
    assert sum(results["digits"]) == 5 and arrays["shown"].shape == (5, 28, 28)
    for move in results["shaken"]["moves"].values():
        moves = np.array(move["from_to"])
        assert moves.sum() == 5 and move["returned"] == 20 * np.trace(moves)
    bars = [bar._asdict() for bar in valleys.bars(results)]
    assert [bar["met"] for bar in json.loads(json.dumps(bars))][:3] == [False, False, False]
    assert "| exactly at rest by step 4 | 0.00 % |" in valleys.tabulate(results)


def test_letters_are_measured_against_a_gate_that_gave_digits_up():
    def gate(letters, digits, read):
        return {
            "letters": {"psnr_mean": letters},
            "digits": {"psnr_mean": digits, "digit_id": read},
        }

    gates = {"own": gate(15, 22.5, 97), "only": gate(20, 12, 60), "dreams": gate(19.5, 21.9, 96.5)}
    found = letters.bars({"gates": gates})
    assert [(bar.measured, bar.met) for bar in found] == [
        ("0.5 dB", True),
        ("0.6 dB", False),
        ("0.5 points", True),
    ]
    del gates["only"]
    assert len(letters.bars({"gates": gates})) == 2


def test_every_part_of_the_page_is_made_whatever_was_measured(tmp_path):
    text = (page.DOCS / "memory.md").read_text()
    wanted = set(re.findall(r"begin: (memory-[a-z-]+)", text))
    nothing = page.parts(tmp_path / "none.json")
    assert wanted <= set(nothing)
    assert nothing["memory-holding"] == page.UNMEASURED
    scores = {"psnr_mean": 21.5, "psnr_of_mean": 21.0, "digit_id": 97.0}
    results = {
        "digits": 7, "rows": "test", "blanked": scores,
        "share_of_cells": 0.3, "at_rest": 91.5, "chip": None,
        "steps": {str(step): scores for step in holding.HOLD},
        "struck": {"5": scores, "9": scores},
    }  # fmt: skip
    lost = scores | {"psnr_mean": 1.5, "digit_id": 9.0}
    steps = {str(step): lost for step in holding.HOLD}
    results["restoring"] = results | {"skeleton": "digits", "steps": steps, "at_rest": 0}
    found = {
        "skeleton": "mine",
        "skeleton_digest": "0" * 64,
        "experiments": {"holding": results},
        "bars": {"holding": [bar._asdict() for bar in holding.bars(results)]},
    }
    path = tmp_path / "memory.json"
    path.write_text(json.dumps(found))
    made = page.parts(path)
    row = "| step 200 | 21.50 dB | 21.00 dB | 97.00 % | 1.50 dB | 9.00 % |"
    assert row in made["memory-holding"]
    assert "| exactly at rest in the end | 91.50 % |  |  | 0.00 % |  |" in made["memory-holding"]
    assert made["memory-holding-verdict"].startswith("**Missed**, 1 of 13 bars: step 10, mean PSNR")
    assert made["memory-valleys"] == page.UNMEASURED


def test_a_skeleton_without_its_gate_holds_too(ungated, task, tmp_path):
    alone = Task(Skeleton.load(ungated), None, task.digits)
    results = run(alone, [holding.EXPERIMENT], tmp_path / "out", lambda line: None)
    assert not results["gated"] and len(results["bars"]["holding"]) == 13
    for picture in results["pictures"]:
        assert (tmp_path / "out" / picture).is_file()
