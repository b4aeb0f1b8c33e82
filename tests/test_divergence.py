"""Training that leaves the numbers stops in one line, and keeps nothing of it."""

import math

import pytest
import torch

from sw.runs import interruption
from sw.runs.checkpoint import Diverged, require_finite
from sw.train.learner import begin
from sw.train.losses import Loss
from sw.train.options import Options
from sw.train.run import run_stage, train_batch
from tests.runs import CORNERS, SMALL, checkpoint_of, save, teach, trained

pytestmark = pytest.mark.usefixtures("one_thread")


class Pull(torch.autograd.Function):
    """Zero, with a gradient that is told."""

    @staticmethod
    def forward(ctx, total, slope):
        ctx.slope = slope
        return torch.zeros_like(total)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.slope, None


@pytest.mark.parametrize("where", ["parameters", "averages", "optimiser", "pool"])
def test_what_is_no_number_is_never_written(tmp_path, where):
    options = Options(recipe="memory", spec=SMALL, batch=4, batches=8)
    path, broken = tmp_path / "checkpoint.pt", trained("qat", options)
    save(broken, options, path)
    before = path.read_bytes()
    places = {
        "parameters": broken.parameters[0].data,
        "averages": broken.averages[-1],
        "optimiser": next(iter(broken.optimisers[1].state.values()))["exp_avg_sq"],
        "pool": broken.pool.states,
    }
    places[where].view(-1)[-1] = math.nan
    with pytest.raises(Diverged) as error:
        save(broken, options, path)

    assert str(error.value) == (
        "qat batch 2: a weight is no number any more: try a lower learning rate of this stage; "
        "the last checkpoint is from before that"
    )
    assert path.read_bytes() == before


def test_numbers_are_looked_for_in_all_that_is_kept():
    require_finite({"a": [torch.ones(2), 1.0, "text", None, (2, torch.ones(1).long())]}, "x", 0)
    for value in (math.inf, [torch.tensor(math.nan)], {"b": (1.0, math.nan)}):
        with pytest.raises(Diverged):
            require_finite({"a": [1, value]}, "x", 0)


@pytest.mark.parametrize(
    ("value", "slope"),
    [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)],
)
def test_training_stops_before_a_step_that_is_no_number(monkeypatch, tmp_path, value, slope):
    options = Options(spec=SMALL, batch=2, batches=50, output=tmp_path)
    path, found = tmp_path / "checkpoint.pt", begin(options)
    save(found, options, path)
    before = path.read_bytes()
    monkeypatch.setattr(interruption, "SAVE_SECONDS", 1e9)

    def work(learner, images, options):
        total = sum(parameter.sum() for parameter in learner.parameters)
        first, second = (value, slope) if learner.batch == 3 else (1.0, 1e-3)
        return Loss(first + Pull.apply(total, second), torch.ones(2))

    teach(monkeypatch, options, "float", work)
    with pytest.raises(Diverged) as error:
        run_stage(found, CORNERS, options, checkpoint_of(options, path), [])

    assert str(error.value) == (
        "float batch 4: the loss is no number any more: try a lower learning rate of this stage; "
        "the last checkpoint is from before that"
    )
    assert found.batch == 3
    assert all(parameter.isfinite().all() for parameter in found.parameters), "no step was taken"
    assert path.read_bytes() == before


def test_an_optimiser_that_cannot_decompose_stops_the_run(monkeypatch):
    options = Options(spec=SMALL, batch=2)
    found = begin(options)

    def fail():
        raise torch.linalg.LinAlgError("linalg.eigh: failed to converge")

    monkeypatch.setattr(found.optimisers[0], "step", fail)
    with pytest.raises(Diverged, match=r"^float batch 1: a weight is no number any more"):
        train_batch(found, CORNERS, options)


@pytest.mark.parametrize("optimiser", ["soap", "adam"])
def test_a_rate_that_is_far_too_high_ends_in_one_line(monkeypatch, tmp_path, optimiser):
    options = Options(spec=SMALL, batch=2, batches=60, optimiser=optimiser, rate=1e9)
    with pytest.raises(Diverged, match=r"^float batch .*: try a lower learning rate"):
        checkpoint = checkpoint_of(options, tmp_path / "checkpoint.pt")
        run_stage(begin(options), CORNERS, options, checkpoint, [])
    assert not (tmp_path / "checkpoint.pt").exists()
