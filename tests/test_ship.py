"""What a finished run leaves: its record, the copies that ship, its commit and its machine."""

import json
import os
import platform
import subprocess
from dataclasses import replace
from pathlib import Path

import brevitas
import numpy as np
import pytest
import torch

import sw.train.ship as ship
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED, Skeleton
from sw.data.damage import blank
from sw.data.load import Digits
from sw.judge.evaluate import digits_to_judge
from sw.model.rebuild import gate_of, rule_of
from sw.train.learner import Learner
from sw.train.options import Options
from tests.runs import CORNERS, LABELS, SMALL

pytestmark = pytest.mark.usefixtures("one_thread")

TESTS = CORNERS[:5] | 1
DATA = Digits(CORNERS, LABELS, TESTS, LABELS[:5], "corners")


@pytest.fixture
def finished(monkeypatch, tmp_path):
    """Options of a run, its learner, and what the parts of its export are handed."""
    rng, seen = np.random.default_rng(0), {}
    rule = rule_of(calibrated(SMALL, rng))
    learner = Learner(rule=rule, gate=gate_of(network(SMALL, rng), SMALL), stage="qat")
    learner.seconds, clock = 777.6, iter([100.0, 104.4])

    def prove(rule, gate, skeleton, network, damaged):
        seen.update(models=(rule, gate), skeleton=skeleton, network=network, damaged=damaged)
        return 12

    def measured(skeleton, network, tests, share, reader, first):
        same = skeleton is seen["skeleton"] and network is seen["network"]
        return {"same": same, "images": len(tests.images), "share": share}

    monkeypatch.setattr(ship, "prove_random", prove)
    monkeypatch.setattr(ship, "evaluate_skeleton", measured)
    monkeypatch.setattr(ship, "PROVEN", 3)
    monkeypatch.setattr(ship, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(ship.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(ship, "commit", lambda: "c0ffee")
    options = Options(spec=SMALL, name="mine", output=tmp_path, damage=0.25, batches=9)
    return options, learner, seen


def test_a_record_says_what_was_done_and_found(finished):
    options, learner, seen = finished
    ship.export(learner, options, DATA)
    skeleton = Skeleton.load(options.folder)
    record = json.loads((options.folder / "provenance.json").read_text())

    assert record == {
        "skeleton": skeleton.digest,
        "command": ship.command(options),
        "commit": "c0ffee",
        "data": {"source": "corners", "sha256": DATA.digest},
        "options": json.loads(json.dumps(options.trained_with())),
        "machine": ship.machine(),
        "codes_equal_to_golden": 12,
        "results": {"same": True, "images": 5, "share": 0.25},
        "seconds": {"training": 778, "proof": 4},
    }
    assert skeleton.name == "mine" and seen["models"] == (learner.rule, learner.gate)
    np.testing.assert_array_equal(seen["damaged"], blank(TESTS[:3], range(3), 0.25))
    gate = GateNetwork.load(options.folder / "gate.safetensors")
    assert gate.skeleton == skeleton.digest
    np.testing.assert_array_equal(gate.output.weight, learner.gate.weights().output.weight)
    assert not (options.output / "shipped").exists()


def test_models_are_proven_on_the_cpu(finished, monkeypatch):
    options, learner, _ = finished
    moved = []
    for model in learner.models:
        monkeypatch.setattr(model, "cpu", lambda model=model: moved.append(model))
    ship.export(learner, options, DATA)
    assert moved == learner.models


def test_a_rule_without_a_gate_leaves_none(finished):
    options, learner, seen = finished
    learner.gate = None
    ship.export(learner, options, DATA)
    names = sorted(path.name for path in options.folder.iterdir())
    assert names == ["provenance.json", "skeleton.json"]
    assert seen["network"] is None


def test_what_ships_is_all_that_is_loaded_and_nothing_else(finished, tmp_path):
    options, learner, _ = finished
    options = replace(options, ship=True)
    options.folder.mkdir()
    for name in ("float.safetensors", "latent.safetensors", "checkpoint.pt"):
        (options.folder / name).write_text(name)
    ship.export(learner, options, DATA)
    target = tmp_path / "shipped" / "mine"

    shipped = {"skeleton.json", "gate.safetensors", "float.safetensors", "provenance.json"}
    assert {path.name for path in target.iterdir()} == shipped
    for name in shipped:
        assert (target / name).read_bytes() == (options.folder / name).read_bytes()


def test_results_are_of_goldens_device_by_the_protocol(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    skeleton, gate, asked = calibrated(SMALL, rng), network(SMALL, rng), []

    def evaluate(device, network, tests, *, steps, share, reader, first):
        asked.append((device.skeletons, network, tests, steps, share))
        scores = {"psnr_mean": 18.126, "digit_id": 91.236}
        return {"images": 1234, "rows": "show", "restored": scores}

    monkeypatch.setattr(ship, "evaluate", evaluate)
    tests = digits_to_judge(DATA)
    found = ship.evaluate_skeleton(skeleton, gate, tests, 0.4)

    (((given,), *rest),) = asked
    assert given is skeleton and rest == [gate, tests, 3, 0.4]
    assert found["images"] == 1234
    assert capsys.readouterr().err == "1,234 show images: 18.13 dB, 91.24 % read right\n"


# The commit.


def git(monkeypatch, answer):
    """Have git answer; return what it is asked, after ``git -C ROOT``."""
    asked = []

    def run(command, **named):
        assert command[:3] == ["git", "-C", str(Path(ship.__file__).parents[2])]
        assert not any(name.startswith("GIT_") for name in named["env"])
        assert named["env"]["PATH"] == os.environ["PATH"] and named["check"]
        asked.append(command[3:])
        return subprocess.CompletedProcess(command, 0, answer(command[3]).encode(), b"")

    monkeypatch.setenv("GIT_INDEX_FILE", "another")
    monkeypatch.setattr(ship.subprocess, "run", run)
    return asked


def test_a_commit_is_marked_by_changes_to_what_trains(monkeypatch):
    asked = git(monkeypatch, lambda verb: " M sw/model/gate.py\n" if verb == "status" else "abc\n")
    root = Path(ship.__file__).parents[2]
    assert ship.commit() == "abc with changes"
    assert asked == [
        ["ls-files", "--", "sw/train/ship.py"],
        [
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--",
            str(root / "golden"),
            str(root / "sw"),
        ],
        ["rev-parse", "HEAD"],
    ]


def test_code_in_no_repository_of_its_own_has_no_commit(monkeypatch):
    asked = git(monkeypatch, lambda verb: "")
    assert ship.commit() is None and len(asked) == 1


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "no git"), subprocess.CalledProcessError(128, "git")]
)
def test_code_beside_git_has_no_commit(monkeypatch, error):
    def fail(*given, **named):
        raise error

    monkeypatch.setattr(ship.subprocess, "run", fail)
    assert ship.commit() is None


# The machine.


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("processor\t: 0\nmodel name\t: A: 1\nmodel name\t: B\n", "A"),
        ("processor\t: 0\n", "chip"),
        ("model name\n", "chip"),
        (None, "chip"),
    ],
)
def test_a_machine_is_named_by_its_processor(monkeypatch, text, wanted):
    def read(path, encoding):
        assert str(path) == "/proc/cpuinfo"
        if text is None:
            raise OSError
        return text

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "chip")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert ship.machine() == {
        "processor": wanted,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "brevitas": brevitas.__version__,
    }
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "accelerator")
    assert ship.machine()["gpu"] == "accelerator"


# What is on record still says what was done.


@pytest.mark.parametrize(
    "path", sorted(SHIPPED.glob("*/provenance.json")), ids=lambda p: p.parent.name
)
def test_a_command_on_record_means_what_it_meant(thalweg, monkeypatch, path):
    runs = []
    monkeypatch.setattr("sw.train.run.train", runs.append)
    record = json.loads(path.read_text())
    assert thalweg(*record["command"].split()[1:])[0] == 0
    found, before = json.loads(json.dumps(runs[0].trained_with())), dict(record["options"])
    if before["recipe"] != "memory":  # the price on motion is memory's alone
        del found["motion"], before["motion"]
    assert found == {"forget": 0.0, "after": None, "hurt": 0.0} | before  # these options came later
