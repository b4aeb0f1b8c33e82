"""What the parts of a batch hand each other: steps, shares, letters and rehearsed digits."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.hold as holds
import sw.train.letters as learning
import sw.train.restore as restoring
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.model.step import TrainingMachine
from sw.train.calibrate import quantise
from sw.train.hold import hold
from sw.train.learner import begin
from sw.train.letters import relearn
from sw.train.options import Options
from sw.train.rehearsal import Rehearsal
from sw.train.restore import restore, run_supervised

GATE = Gate(input_channel=2, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
LABELS = show_digits()[1][:64]

pytestmark = pytest.mark.usefixtures("one_thread")


def memory(**values):
    return Options(recipe="memory", spec=SMALL, **values)


def machine_of(spec=SMALL, exact=False, **parts):
    """A machine as far as recipes look at it: nothing moves, and its first channel is shown."""
    usual = {
        "advance": lambda states, step: states,
        "readout": lambda states: states[:, 0, 1:9, 1:9],
    }
    return SimpleNamespace(spec=spec, exact=exact, **(usual | parts))


def learner_of(stage="qat", batch=0, spec=SMALL, **named):
    """A learner as far as recipes look at it; its models are words."""
    return SimpleNamespace(
        rule=SimpleNamespace(spec=spec),
        gate="gate",
        stage=stage,
        batch=batch,
        machine=lambda dropout: machine_of(spec, stage == "qat", dropout=dropout),
        **named,
    )


@pytest.mark.parametrize("stage", ["hold", "qat"])
def test_a_step_is_the_rules_and_then_the_gates(monkeypatch, stage):
    learner, order = begin(memory()), []
    if stage == "qat":
        learner = quantise(learner, CORNERS, memory())
    machine = learner.machine(0.25)
    assert (machine.spec, machine.exact, machine.dropout) == (SMALL, stage == "qat", 0.25)
    assert learner.machine().dropout == 0

    def part(name, answer):
        monkeypatch.setattr(
            TrainingMachine, name, lambda own, *given: order.append((own, *given)) or answer
        )

    part("step", "advanced")
    part("answer", "deltas")
    part("deliver", "answered")
    assert machine.advance("states", 7) == "answered"
    assert order == [
        (machine, "states"),
        (machine, "advanced"),
        (machine, "advanced", "deltas", 7),
    ]


@pytest.mark.parametrize(("begun", "count"), [(0, 3), (0, 5), (0, 0), (4, 2)])
def test_digits_fall_for_so_many_steps(monkeypatch, begun, count):
    steps = []
    monkeypatch.setattr(
        TrainingMachine, "advance", lambda own, states, step: steps.append(step) or states + 1
    )
    found = list(begin(memory()).machine().run(begun, count, begun))
    assert found == steps == list(range(begun + 1, begun + count + 1))


@pytest.mark.parametrize(("supervise", "shown"), [("last", [3]), ("every", [1, 2, 3])])
def test_what_is_supervised_is_shown(supervise, shown):
    ran, read = [], []
    machine = machine_of(
        encode=lambda damaged: {"damaged": 0}[damaged],
        advance=lambda states, step: ran.append((states, step)) or step,
        readout=lambda states: read.append(states) or states * 10,
    )
    options = Options(spec=SMALL, supervise=supervise)
    assert list(run_supervised(machine, "damaged", options)) == [10 * each for each in shown]
    assert ran == [(0, 1), (1, 2), (2, 3)]
    assert read == shown


def test_each_process_restores_its_share_of_the_batch(monkeypatch):
    options, asked = Options(spec=SMALL, batch=6, loss="mse", dropout=0.25), []
    digits = torch.arange(6.0).view(6, 1, 1) * torch.ones(6, 8, 8)
    monkeypatch.setattr(restoring, "random", lambda *given: asked.append(given))
    monkeypatch.setattr(restoring, "draw", lambda *given: (digits * 51, digits + 100))
    monkeypatch.setattr(restoring, "share", lambda batch: batch[2:4])
    monkeypatch.setattr(
        restoring, "aim", lambda one, other, told: asked.append((one, other)) or one
    )
    ran = []

    def supervised(machine, damaged, told, hurt):
        ran.append((machine.dropout, damaged[:, 0, 0].tolist(), told, hurt))
        yield damaged * 0

    monkeypatch.setattr(restoring, "run_supervised", supervised)
    found = restore(learner_of("float", 4), CORNERS, options)

    assert asked[0] == (options, "float", 4)
    # Of digits 2 and 3: the originals are 51 times, the damaged ones 100 above their number.
    assert [image[1, 0, 0].item() for image in asked[1]] == [153, 103]
    assert ran == [(0.25, [102, 103], options, None)]
    assert found.errors.tolist() == pytest.approx([0.16, 0.36])
    assert found.value.item() == pytest.approx(0.26)


@pytest.mark.parametrize("kept", ["none", "stored", "distilled"])
def test_letters_and_digits_share_a_batch_and_processes_share_both(monkeypatch, kept):
    options = Options(
        recipe="letters", begin="digits", spec=SMALL, batch=6, loss="mse", dropout=0.25
    )
    known = np.full((3, 8, 8), 200, np.uint8)
    rehearsal = {"stored": Rehearsal(known, None), "distilled": Rehearsal(known, known + 1)}
    learner, asked = learner_of("letters", 3, rehearsal=rehearsal.get(kept)), []

    def draw(images, told, rng, count):
        level = float(np.asarray(images).max())
        asked.append((level, count, told is options))
        return torch.full((count, 8, 8), level), torch.full((count, 8, 8), level / 2)

    monkeypatch.setattr(learning, "draw", draw)
    monkeypatch.setattr(learning, "share", lambda batch: batch[::2])
    seen = []

    def supervised(machine, damaged, told):
        seen.append(damaged)
        assert machine.dropout == 0.25 and told is options
        yield damaged * 9
        yield damaged * 0

    monkeypatch.setattr(learning, "run_supervised", supervised)
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

    for each in (learning, holds):
        monkeypatch.setattr(each, "random", random)
    with pytest.raises(KeyError):
        relearn(learner_of("letters", 5, rehearsal=None), CORNERS, options)
    with pytest.raises(KeyError):
        hold(learner_of("qat", 7, pool=1, prototypes=1), CORNERS, options)
    assert asked == [(options, "letters", 5), (options, "qat", 7)]
