"""What settling tries, draws and runs: its touches, its starts, and the machine that falls."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.outcome as outcome
import sw.train.settle as settling
from golden.model import Model
from golden.samples import calibrated
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.model.rebuild import rule_of
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.outcome import (
    Offsets,
    Outcome,
    Starts,
    Trained,
    add_offsets,
    min_errors,
    run_starts,
)
from sw.train.settle import settle
from tests.test_settle import search_for

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
IMAGES = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
LABELS = show_digits()[1][:64]


def still(channels=16, ways=None, moving=None):
    """A fall in which nothing is lost."""
    moving = np.zeros((1, channels)) if moving is None else moving
    return Outcome(
        np.full((3, 1), 20.0), 20.0, 20.0, moving, np.zeros(channels) if ways is None else ways
    )


def test_each_channel_that_moves_is_pushed_by_these_codes():
    tried, ways, moving = [], np.zeros(4), np.zeros((1, 4))
    ways[2], moving[0, [1, 2]] = -1, [3, 5]

    def look(offsets):
        tried.append((offsets.changes.tolist(), offsets.origins.tolist()))
        return still(ways=ways, moving=moving)

    offsets, _ = search_for(4, look, lambda text: None)
    pushes = [-1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 2.0, 4.0]
    nothing = [0.0] * 4
    assert tried == [
        (nothing, nothing),
        *[([0, 0, push, 0], nothing) for push in pushes],  # what moves most comes first
        *[(nothing, [0, 0, -shift, 0]) for shift in (4, 8)],
        *[([0, push, 0, 0], nothing) for push in pushes],
        *[(nothing, [0, 0, -shift, 0]) for shift in (4, 8)],  # all that count at once
    ], "and since nothing paid, once"
    assert offsets.changes.tolist() == offsets.origins.tolist() == nothing


def test_channels_are_gone_through_three_times_at_most():
    firsts = []

    def look(offsets):
        moving = np.full((1, 4), 1000.0) - 0.001 * offsets.changes.sum()  # every push pays
        moving[0, 1:] = 0
        return still(moving=moving, ways=np.zeros(4))

    search_for(4, look, firsts.append)
    assert len([text for text in firsts if text.startswith("channel 0")]) == 3
    assert len([text for text in firsts if text.startswith("origins")]) == 3


def test_a_touch_goes_on_the_biases_of_a_copy():
    rule = rule_of(calibrated(SMALL, np.random.default_rng(0)))
    update, encode = rule.update.bias.detach().clone(), rule.encode.bias.detach().clone()
    offsets = Offsets(np.array([0.5, 0, -1, 0]), np.array([0.0, 3, 0, -2]))
    found = add_offsets(rule, offsets)
    assert torch.equal(rule.update.bias, update) and torch.equal(rule.encode.bias, encode)
    torch.testing.assert_close(found.update.bias - update, torch.tensor([0.5, 0, -1, 0]) / 32)
    torch.testing.assert_close(found.encode.bias - encode, torch.tensor([0.0, 3, 0, -2]) / 32)
    none = Offsets.none(3)
    assert none.changes.tolist() == none.origins.tolist() == [0, 0, 0]
    assert none.changes is not none.origins


def test_a_machine_without_a_gate_runs_goldens_steps():
    spec = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=None)
    skeleton = calibrated(spec, np.random.default_rng(0))
    model, learner = Model(skeleton), Learner(rule=rule_of(skeleton), gate=None, stage="qat")
    with torch.no_grad():
        machine = Trained(learner)
        states = machine.encode(IMAGES[:5])
        np.testing.assert_array_equal(states, model.encode(IMAGES[:5]))
        after = machine.advance(states, 1)
        np.testing.assert_array_equal(after, model.step(states))
        np.testing.assert_array_equal(machine.readout(after), model.readout(after))
    assert states.dtype == after.dtype == np.int8 and machine.readout(after).dtype == np.uint8
    assert machine.machine.network is None and machine.period == 1


def test_what_falls_is_drawn_for_settling_alone(monkeypatch):
    asked, rng = [], np.random.default_rng(0)

    def random(*given):
        asked.append(given)
        return rng

    def drawn(images, options, given, count):
        asked.append((images is IMAGES, given is rng, count))
        return torch.full((2, 8, 8), 3.0), torch.full((2, 8, 8), 4.0)

    monkeypatch.setattr(outcome, "random", random)
    monkeypatch.setattr(outcome, "draw", drawn)
    monkeypatch.setattr(
        outcome, "lost_cells", lambda *given: asked.append(given) or torch.ones(2, 1, 10, 10)
    )
    monkeypatch.setattr(
        outcome,
        "noise_states",
        lambda *given: asked.append(given) or np.full((2, 4, 10, 10), -5.0),
    )
    monkeypatch.setattr(
        outcome, "medoids", lambda *given: asked.append(given) or torch.full((10, 8, 8), 7.0)
    )
    options = Options(recipe="memory", spec=SMALL)
    found = Starts.of(Digits(IMAGES, LABELS, None, None, "corners"), options)

    assert asked[:2] == [(options, "settle", 0), (True, True, 512)]
    assert asked[2] == (SMALL, 512, (0.25, 0.35), "cpu")
    assert asked[3] == (SMALL, rng, 32)
    assert asked[4][0] is IMAGES and asked[4][1] is LABELS
    parts = (found.originals, found.damaged, found.living, found.noise, found.prototypes)
    assert [part.flat[0] for part in parts] == [3, 4, 1, -5, 7]
    kinds = [np.uint8, np.uint8, np.int8, np.int8, np.uint8]
    assert [part.dtype for part in parts] == kinds


class Counting:
    """A machine whose channel 2 counts up and 3 down, a code a step; it shows its channel 0."""

    spec, period = SMALL, 1

    def phase(self, step):
        return 0

    def encode(self, images):
        states = np.zeros((len(images), *SMALL.lattice), np.int8)
        states[:, 0, 1:9, 1:9] = images
        return states

    def advance(self, states, step):
        moved = states.copy()
        moved[:, 2] += 1
        moved[:, 3] -= 1
        return moved

    def readout(self, states):
        return states[:, 0, 1:9, 1:9].astype(np.uint8)


def test_a_fall_tells_who_moves_and_which_way():
    originals = np.full((3, 8, 8), 100, np.uint8)
    noise = np.zeros((2, *SMALL.lattice), np.int8)
    noise[:, 0] = 40
    living = np.ones((3, 1, 10, 10), np.int8)
    living[:, :, 1:9, 1:5] = 0
    prototypes = np.stack([np.full((8, 8), level, np.uint8) for level in (10, 43, 90)])
    starts = Starts(originals, originals - 5, living, noise, prototypes)
    found = run_starts(Counting(), starts)

    def decibels(error):
        return 10 * np.log10(255**2 / error)

    assert found.ways.tolist() == [0, 0, 1, -1]
    assert found.moving.tolist() == [[0, 0, 100, 100]] * 3
    np.testing.assert_allclose(found.digits, np.full((3, 3), decibels(25)))
    assert found.hurt == pytest.approx(decibels((25 + 100**2) / 2)), "half of the cells lost"
    assert found.noise == pytest.approx(decibels(9)), "to the nearest"


def test_two_sites_of_a_hundred_digits_have_to_count_one_way(monkeypatch):
    asked = []
    direct = outcome.direct
    monkeypatch.setattr(outcome, "direct", lambda *given: asked.append(given[2:]) or direct(*given))
    images = np.zeros((1, 8, 8), np.uint8)
    noise = np.zeros((1, *SMALL.lattice), np.int8)
    run_starts(
        Counting(), Starts(images, images, np.ones((1, 1, 10, 10), np.int8), noise, images + 1)
    )
    assert asked == [(SMALL, 0.02)]


def test_digits_are_looked_at_after_one_five_and_twenty_runs(monkeypatch):
    asked = []

    def follow(machine, states, step, looks):
        asked.append((step, list(looks)))
        return [(look, states) for look in looks]

    monkeypatch.setattr(outcome, "follow", follow)
    starts = Starts(
        np.zeros((2, 8, 8), np.uint8),
        np.ones((2, 8, 8), np.uint8),
        np.ones((2, 1, 10, 10), np.int8),
        np.ones((1, *SMALL.lattice), np.int8),
        np.zeros((1, 8, 8), np.uint8),
    )
    run_starts(Counting(), starts)
    assert asked == [(0, [3, 15, 60, 59]), (3, [6])]


def test_an_image_is_as_wrong_as_to_the_nearest_prototype():
    images = np.stack([np.full((2, 2), level, np.uint8) for level in (10, 50)])
    prototypes = np.stack([np.full((2, 2), level, np.uint8) for level in (12, 40)])
    one = outcome.squared_errors(images[:1], prototypes[:1])
    other = outcome.squared_errors(images[1:], prototypes[1:])
    assert min_errors(images, prototypes).tolist() == [one[0], other[0]]


def test_settling_tries_touches_on_the_machine_and_keeps_the_best(monkeypatch):
    order, options = [], Options(recipe="memory", spec=SMALL)
    machine = SimpleNamespace(offset=lambda offsets: order.append(("offset", offsets)))
    learner = SimpleNamespace(rule="rule")
    digits = Digits(IMAGES, LABELS, None, None, "corners")
    monkeypatch.setattr(settling, "Trained", lambda given: order.append(given) or machine)
    monkeypatch.setattr(settling.Starts, "of", lambda *given: order.append(given) or "starts")
    monkeypatch.setattr(settling, "run_starts", lambda *given: order.append(given) or "outcome")
    monkeypatch.setattr(settling, "add_offsets", lambda *given: ("moved", *given))

    class Search:
        def __init__(self, channels, look):
            assert channels == 4 and look("some") == "outcome"

        def run(self):
            self.offsets = "best"

    monkeypatch.setattr(settling, "Search", Search)
    settle(learner, digits, options)
    assert order == [learner, (digits, options), ("offset", "some"), (machine, "starts")]
    assert learner.rule == ("moved", "rule", "best")
