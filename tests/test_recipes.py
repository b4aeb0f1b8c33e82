"""What the parts of a batch hand each other: steps, shares, letters and rehearsed digits."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.train import recipes
from sw.train.options import Options
from sw.train.recipes import (
    fallen,
    hold,
    one_step,
    relearn,
    restore,
    restored,
    supervised,
)
from sw.train.rehearsal import Rehearsal

GATE = Gate(input_channel=2, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
LABELS = show_digits()[1][:64]

pytestmark = pytest.mark.usefixtures("one_thread")


def memory(**values):
    return Options(recipe="memory", spec=SMALL, **values)


def learner_of(stage="qat", batch=0, spec=SMALL, **named):
    """A learner as far as recipes look at it; its models are words."""
    return SimpleNamespace(
        rule=SimpleNamespace(spec=spec),
        gate="gate",
        stage=stage,
        batch=batch,
        exact=stage == "qat",
        **named,
    )


@pytest.mark.parametrize("stage", ["hold", "qat"])
def test_a_step_is_the_rules_and_then_the_gates(monkeypatch, stage):
    learner, order = learner_of(stage), []
    monkeypatch.setattr(recipes, "advance", lambda *given: order.append(given) or "advanced")
    monkeypatch.setattr(recipes, "respond", lambda *given: order.append(given) or "answered")
    options, exact = memory(dropout=0.25), stage == "qat"
    assert one_step(learner, "weights", "states", 7, options) == "answered"
    assert order == [
        ("states", "weights", SMALL, exact),
        ("advanced", "weights", SMALL, 7, exact, 0.25),
    ]


@pytest.mark.parametrize("stage", ["hold", "qat"])
@pytest.mark.parametrize(("asked", "count"), [(None, 3), (5, 5), (0, 0)])
def test_digits_fall_for_so_many_steps(monkeypatch, asked, count, stage):
    laid, steps = [], []
    monkeypatch.setattr(recipes, "lay", lambda *given: laid.append(given) or 0)
    monkeypatch.setattr(
        recipes,
        "one_step",
        lambda learner, weights, states, step, options: steps.append(step) or states + 1,
    )
    found = list(fallen(learner_of(stage), "weights", "damaged", memory(), asked))
    assert found == steps == list(range(1, count + 1))
    assert laid == [("damaged", "weights", SMALL, stage == "qat")]


@pytest.mark.parametrize("stage", ["float", "qat"])
@pytest.mark.parametrize(("supervise", "shown"), [("last", [3]), ("every", [1, 2, 3])])
def test_what_is_supervised_is_shown(monkeypatch, supervise, shown, stage):
    asked = []
    monkeypatch.setattr(recipes, "numbers", lambda *models: ("numbers", *models))
    monkeypatch.setattr(
        recipes, "fallen", lambda learner, *given: asked.append(given) or iter([1, 2, 3])
    )
    monkeypatch.setattr(recipes, "pixels", lambda states, *rest: asked.append(rest) or states)
    learner, options = learner_of(stage), Options(spec=SMALL, supervise=supervise)
    assert list(supervised(learner, "damaged", options)) == shown
    weights = ("numbers", learner.rule, "gate")
    shows = [(weights, SMALL, stage == "qat")] * len(shown)
    assert asked == [(weights, "damaged", options), *shows]
    assert restored(learner, "damaged", options) == 3


def test_each_process_restores_its_share_of_the_batch(monkeypatch):
    options, asked = Options(spec=SMALL, batch=6, loss="mse"), []
    digits = torch.arange(6.0).view(6, 1, 1) * torch.ones(6, 8, 8)
    monkeypatch.setattr(recipes, "random", lambda *given: asked.append(given))
    monkeypatch.setattr(recipes, "draw", lambda *given: (digits * 51, digits + 100))
    monkeypatch.setattr(recipes, "share", lambda batch: batch[2:4])
    monkeypatch.setattr(recipes, "aim", lambda one, other, told: asked.append((one, other)) or one)
    monkeypatch.setattr(recipes, "supervised", lambda learner, damaged, told: iter([damaged * 0]))
    found = restore(learner_of("float", 4), CORNERS, options)

    assert asked[0] == (options, "float", 4)
    assert [image[0, 0, 0].item() for image in asked[1]] == [102, 102]
    assert found.errors.tolist() == pytest.approx([0.16, 0.36])
    assert found.value.item() == pytest.approx(0.26)


@pytest.mark.parametrize("kept", ["none", "stored", "distilled"])
def test_letters_and_digits_share_a_batch_and_processes_share_both(monkeypatch, kept):
    options = Options(recipe="letters", begin="digits", spec=SMALL, batch=6, loss="mse")
    known = np.full((3, 8, 8), 200, np.uint8)
    rehearsal = {"stored": Rehearsal(known, None), "distilled": Rehearsal(known, known + 1)}
    learner, asked = learner_of("letters", 3, rehearsal=rehearsal.get(kept)), []

    def draw(images, told, rng, count):
        level = float(np.asarray(images).max())
        asked.append((level, count, told is options))
        return torch.full((count, 8, 8), level), torch.full((count, 8, 8), level / 2)

    monkeypatch.setattr(recipes, "draw", draw)
    monkeypatch.setattr(recipes, "share", lambda batch: batch[::2])
    seen = []
    monkeypatch.setattr(
        recipes, "restored", lambda learner, damaged, told: seen.append(damaged) or damaged * 0
    )
    found = relearn(learner, np.full((5, 8, 8), 100, np.uint8), options)

    letters = {"none": 6}.get(kept, 3)
    given = {"none": [], "stored": [100.0] * 3, "distilled": [201.0] * 3}[kept]
    wanted = {"none": []}.get(kept, [200.0] * 3)
    assert asked == [(100, letters, True)] + [(200, 3, True)] * (kept == "stored")
    assert seen[0][:, 0, 0].tolist() == ([50.0] * letters + given)[::2]
    errors = [(level / 255) ** 2 for level in ([100.0] * letters + wanted)[::2]]
    assert found.errors.tolist() == pytest.approx(errors)


def test_each_batch_of_letters_is_drawn_anew(monkeypatch):
    options, asked = Options(recipe="letters", begin="digits", spec=SMALL, batch=2), []

    def random(*given):
        asked.append(given)
        raise KeyError

    monkeypatch.setattr(recipes, "random", random)
    with pytest.raises(KeyError):
        relearn(learner_of("letters", 5, rehearsal=None), CORNERS, options)
    with pytest.raises(KeyError):
        hold(learner_of("qat", 7, pool=1, prototypes=1), CORNERS, options)
    assert asked == [(options, "letters", 5), (options, "qat", 7)]
