"""Where a channel's zero lies makes no difference, but for how far it is to a limit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.model import Model
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.model.step import TrainingMachine
from sw.runs.checkpoint import Checkpoint
from sw.train import origins, run
from sw.train.calibrate import quantise
from sw.train.draw import calibration_digits
from sw.train.hold import begin_holding
from sw.train.learner import Learner, begin
from sw.train.options import Options
from sw.train.origins import ROOM, direct, move_origins, shorten_ways
from sw.train.recipes import RECIPES
from tests.origins import with_origins

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
OPTIONS = Options(recipe="memory", spec=SMALL, batch=4, qat_batches=6, hold_batches=0)


@pytest.fixture
def images():
    """Corners of show digits."""
    return np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])


@pytest.fixture
def learner(images):
    """A quantised rule of which every channel changes and is shown, with its pool."""
    fresh = begin(OPTIONS)
    with torch.no_grad():
        fresh.rule.encode.weight[:] = 2.0
        fresh.rule.readout.weight[:, 2:] = 0.25
        fresh.rule.update.weight *= 4
    holding = Learner(rule=fresh.rule, gate=fresh.gate, stage="hold")
    begin_holding(holding, images, show_digits()[1][:64], OPTIONS)
    return quantise(holding, images, OPTIONS)


def damaged_of(images):
    """Return some damaged digits: uint8 (n, image, image)."""
    return calibration_digits(images, OPTIONS)[1].numpy().astype(np.uint8)


def test_what_is_shown_stays_where_no_border_is_felt(learner, images):
    origins = np.array([0, 0, -16, 12])
    skeleton, damaged = learner.rule.weights(), damaged_of(images)
    move_origins(learner.rule, torch.from_numpy(origins).float())
    other = learner.rule.weights()
    assert other.digest == with_origins(skeleton, origins).digest

    before, after = Model(skeleton), Model(other)
    states, others = before.encode(damaged), after.encode(damaged)
    laid = states
    shift = origins.reshape(-1, 1, 1)
    for _ in range(SMALL.steps):
        states, others = before.step(states), after.step(others)
        assert abs(abs(states) + abs(shift)).max() < 127, "nothing saturates"
    assert (states != laid).any((0, 2, 3)).all(), "every channel moves"
    rows = slice(SMALL.steps, -SMALL.steps)
    np.testing.assert_array_equal((others - shift)[..., rows, rows], states[..., rows, rows])
    top, _ = SMALL.margins
    rows = slice(SMALL.steps - top, top - SMALL.steps)
    shown, other = before.readout(states), after.readout(others)
    np.testing.assert_array_equal(other[:, rows, rows], shown[:, rows, rows])


def test_a_channel_counts_where_more_sites_go_one_way():
    before = torch.zeros(4, 6, 6, 6)
    after = before.clone()
    after[:, 0] = 1.0  # what the gate reads
    after[:, 1] = 1.0  # what it adds to
    after[:, 2, 0, :3] = 1.0
    after[:, 2, 1, 0] = -9.0
    after[:, 3, 0, :2] = -1.0
    after[:, 4, 0, :2], after[:, 4, 1, :2] = 1.0, -1.0
    after[0, 5, 0, 0] = 1.0
    assert direct(before, after, SMALL, 0.5).tolist() == [0, 0, 1, -1, 0, 0]
    assert direct(before, after, SMALL, 0.2).tolist() == [0, 0, 1, -1, 0, 1]
    assert direct(before, after, SMALL, 0.25).tolist() == [0, 0, 1, -1, 0, 0], "more than so many"


def test_aged_digits_tell_which_way(learner, images, monkeypatch):
    asked = []

    def walk(machine, states, steps):
        asked.append((machine.dropout, steps))
        return iter([torch.zeros(1, *SMALL.lattice)] * 3)

    monkeypatch.setattr(TrainingMachine, "run", walk)
    shorten_ways(learner, images, replace(OPTIONS, dropout=0.5))
    assert asked == [(0.0, 150)]


def test_the_origin_goes_where_a_channel_counts_to(learner, images):
    rule, pool = learner.rule, learner.pool.states.clone()
    with torch.no_grad():
        for average, parameter in zip(learner.averages, learner.parameters, strict=True):
            if parameter is rule.update.weight:
                average.zero_()
            if parameter is rule.update.bias:
                average[1], average[3] = 1.5 / 32, -1.5 / 32  # 1 code a step
            if parameter is rule.encode.bias:
                average[1], average[3] = -100 / 32, 100 / 32
        rule.encode.bias.fill_(1.0)  # it goes on from the averages
    shorten_ways(learner, images, OPTIONS)
    assert rule.encode.bias.tolist() == [0, -100 / 32, 0, (100 - ROOM) / 32], "not the gate's"
    assert torch.equal(learner.averages[1], rule.encode.bias)
    wanted = (pool - ROOM * (torch.arange(4) == 3).view(-1, 1, 1)).clamp(-128, 127)
    assert torch.equal(learner.pool.states, wanted)


def test_it_happens_once_in_mid_qat(learner, images, monkeypatch, tmp_path):
    seen = []
    stages = RECIPES["memory"].stages
    late = replace(stages["qat"], late=lambda *given: seen.append(given[0].batch))
    monkeypatch.setitem(stages, "qat", late)
    for stage in ("hold", "qat"):
        learner.stage = stage
        learner.batch = 0
        learner.optimisers = []
        run.run_stage(learner, images, OPTIONS, Checkpoint(tmp_path / "checkpoint.pt", ""), [])
    assert seen == [4]


def test_an_origin_is_moved_by_what_is_left_beside_narrow_states(learner, images, monkeypatch):
    asked, moved = [], []

    def direct(before, after, spec, few):
        asked.append((before.mean().item(), after.mean().item(), spec, few))
        return torch.tensor([0.0, 0.0, 1.0, -1.0])

    def encode(machine, damaged):
        assert torch.equal(damaged, calibration_digits(images, OPTIONS)[1])
        return "laid"

    def walk(machine, states, steps):
        assert states == "laid"
        return (torch.full((1, *SMALL.lattice), float(step)) for step in range(1, 6))

    monkeypatch.setattr(TrainingMachine, "encode", encode)
    monkeypatch.setattr(TrainingMachine, "run", walk)
    monkeypatch.setattr(origins, "direct", direct)
    monkeypatch.setattr(origins, "move_origins", lambda rule, codes: moved.append(codes.tolist()))
    shorten_ways(learner, images, OPTIONS)
    assert asked == [(4, 5, SMALL, 0.5)], "from the last step but one to the last"
    assert moved == [[0, 0, 63, -63]]
