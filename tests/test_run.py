"""A run from stage to stage: averages taken, times told, checkpoints in time, and what is left."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

import sw.runs.interruption as interruption
import sw.train.recipes as recipes
import sw.train.run as run
from golden.spec import Gate
from sw.data.load import Digits
from sw.judge.evaluate import digits_to_judge
from sw.model import floats
from sw.model.rebuild import rule_of
from sw.train import ship
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.run import run_stage, train
from tests.runs import CORNERS, LABELS, SMALL, trained

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Options of a run that takes a moment, and the learners that it ends with."""
    digits = Digits(CORNERS, LABELS, None, None, "corners")
    monkeypatch.setattr(recipes, "load", lambda data, download, fit: digits)
    monkeypatch.setattr("sw.train.calibrate.QUANTILES", (0.998,))
    finished = []
    monkeypatch.setattr(ship, "export", lambda learner, *rest: finished.append(learner))
    return Options(spec=SMALL, output=tmp_path, batches=3, qat_batches=2, batch=3), finished


def equal(tensors, others):
    return all(torch.equal(a, b) for a, b in zip(tensors, others, strict=True))


def halves(tensors):
    return [tensor.detach().half().float() for tensor in tensors]


def test_each_stage_goes_on_from_the_averages_of_the_one_before(small, monkeypatch):
    options, finished = small
    ends = []

    def noting(learner, *rest):
        run_stage(learner, *rest)
        ends.append([average.clone() for average in learner.averages])
        assert not equal(learner.averages, learner.parameters)

    monkeypatch.setattr(run, "run_stage", noting)
    train(options)

    rule, gate = floats.models(options.folder / floats.FLOATS, SMALL)
    assert equal([*rule.parameters(), *gate.parameters()], halves(ends[0])), "of the warm-up"
    assert equal(finished[0].parameters, ends[1]), "what is exported"
    rule, gate = floats.models(options.folder / floats.LATENT, SMALL)
    assert equal([*rule.parameters(), *gate.parameters()], halves(ends[1]))


def test_a_stage_that_holds_begins_with_the_averages_and_a_pool(tmp_path):
    options = Options(recipe="memory", spec=SMALL, batch=4, optimiser="adam", output=tmp_path)
    learner = begin(options)
    learner.seconds = 3.5
    for average in learner.averages:
        average.fill_(0.125)
    digits = Digits(CORNERS, LABELS, None, None, "corners")
    learner.take_averages()
    found = recipes.enter_hold(learner, digits, options)

    assert (found.stage, found.batch, found.seconds, found.optimiser) == ("hold", 0, 3.5, "adam")
    assert all(parameter.eq(0.125).all() for parameter in found.parameters)
    assert len(found.pool.ages) == 32 and found.prototypes is not None


def test_a_run_that_begins_with_others_weights_averages_from_them(small, tmp_path):
    options, finished = small
    other = begin(replace(options, seed=9))
    path = tmp_path / "other.safetensors"
    floats.write(other.rule, other.gate, path)
    begun = replace(options, begin=str(path), qat_batches=0)
    learner = run.learn(recipes.Restore.load(begun))
    assert not finished and learner.stage == "qat"
    kept = floats.models(options.folder / floats.FLOATS, SMALL)[0]
    assert equal(kept.parameters(), halves(other.rule.parameters()))


def test_a_run_that_began_with_others_weights_goes_on_with_its_own(small, tmp_path, monkeypatch):
    options, finished = small
    other, path = begin(replace(options, seed=9)), tmp_path / "other.safetensors"
    floats.write(other.rule, other.gate, path)
    begun = replace(options, begin=str(path))
    train(begun)
    again, work = replace(begun, name="again"), run.train_batch

    def stopping(*given):
        os.kill(os.getpid(), signal.SIGTERM)
        return work(*given)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(run, "train_batch", stopping)
        train(again)
    train(again)

    assert equal(finished[0].parameters, finished[1].parameters)


def test_the_read_out_of_a_fresh_rule_shows_the_input():
    rule = begin(Options(spec=SMALL)).rule
    assert rule.encode.weight[0].item() * rule.readout.weight[0, 0].item() == 1.0
    assert rule.readout.weight[0, 1:].eq(0).all() and rule.encode.bias.eq(0).all()


class Clock:
    """Ten seconds a batch."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(interruption.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(run, "train_batch", self.batch)

    def batch(self, learner, images, options):
        learner.batch += 1
        self.now += 10.0
        return 1.0, 2.0


def test_checkpoints_come_every_minute_and_at_the_end(monkeypatch, tmp_path):
    Clock(monkeypatch)
    saved = []
    monkeypatch.setattr(run, "save", lambda learner, *rest: saved.append(learner.batch))
    options = Options(spec=SMALL, batches=22)
    run_stage(begin(options), CORNERS, options, None, [])
    assert saved == [7, 14, 21, 22], "after more than sixty seconds each"


def test_time_goes_on_where_it_was_and_what_is_left_is_told(monkeypatch, tmp_path, capsys):
    Clock(monkeypatch)
    monkeypatch.setattr(run, "save", lambda *given: None)
    monkeypatch.setattr(run, "LOG_EVERY", 4)
    options = Options(spec=SMALL, batches=16)
    learner = begin(options)
    learner.batch, learner.seconds = 6, 500.0
    run_stage(learner, CORNERS, options, None, [])
    etas = [line.rpartition("eta ")[2] for line in capsys.readouterr().err.splitlines()]

    assert learner.seconds == 600.0
    assert etas == ["1.3 min", "0.7 min", "0.0 min"]  # 8, 4 and 0 batches of ten seconds


def test_what_is_told_of_a_result_is_measured_with_its_gate_and_damage(monkeypatch, tmp_path):
    options = Options(spec=SMALL, batch=4, damage=0.5, output=tmp_path, name="x")
    learner = trained("qat", replace(options, recipe="memory"))
    images = np.zeros((300, 8, 8), np.uint8) + 200
    digits = Digits(CORNERS, LABELS, images, np.zeros(300, np.uint8), "corners")
    seen = {}

    def prove(rule, gate, skeleton, network, damaged):
        seen["blanked"] = (damaged == 0).sum((1, 2)).tolist()
        return 7

    def evaluate(device, network, tests, *, steps, share, reader, first):
        seen.update(network=network, steps=steps, share=share, tests=tests)
        return {"images": 300, "rows": "test", "restored": {"psnr_mean": 1.0, "digit_id": 2.0}}

    monkeypatch.setattr(ship, "prove_random", prove)
    monkeypatch.setattr(ship, "evaluate", evaluate)
    ship.export(learner, options, digits)

    assert seen["blanked"] == [32] * 256, "half of the pixels of the first test digits"
    assert (seen["steps"], seen["share"]) == (3, 0.5)
    assert seen["network"].skeleton == rule_digest(learner)
    assert len(seen["tests"].images) == len(digits_to_judge(digits).images) == 300


def rule_digest(learner):
    return learner.rule.weights("x").digest


@pytest.mark.parametrize(
    ("changed", "wanted"), [("", "c0ffee"), (" M golden/model.py", "c0ffee with changes")]
)
def test_a_commit_with_changes_is_marked(monkeypatch, changed, wanted):
    def git(command, **rest):
        answer = changed if "status" in command else "c0ffee\n"
        return ship.subprocess.CompletedProcess(command, 0, answer, "")

    monkeypatch.setattr(ship.subprocess, "run", git)
    assert ship.commit() == wanted


def test_a_gate_that_opens_late_is_trained_too(small):
    options, finished = small
    gate = Gate(input_channel=0, output_channel=1, start=3, every=1)
    train(replace(options, spec=replace(SMALL, gate=gate)))
    assert rule_of(finished[0].rule.weights()).spec.gate == gate
