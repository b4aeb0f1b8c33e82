"""What a gate rehearses: of which images, restored by whom, from what damage."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

import sw.train.rehearsal as rehearsals
from golden.model import Model
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.train.draw import noise_states
from sw.train.rehearsal import Rehearsal, deform, dreams, rehearsal

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2)
SMALL = Spec(height=8, width=8, channels=4, multiplier=2, steps=3, image=6, gate=GATE)


@pytest.fixture
def machine():
    rng = np.random.default_rng(0)
    return calibrated(SMALL, rng), network(SMALL, rng)


def run(machine, states, steps):
    """Run lattices by golden, gate included; return what they show."""
    skeleton, gate = machine
    model = Model(skeleton)
    for step in range(1, steps + 1):
        states = model.step(states)
        if GATE.is_open(step):
            model.add_deltas(states, gate.deltas(model.planes(states)), step)
    return model.readout(states)


def test_dreams_are_what_noise_shows_after_so_many_steps(monkeypatch, machine):
    monkeypatch.setattr(rehearsals, "ASLEEP", 5)
    monkeypatch.setattr(rehearsals, "BATCH", 4)
    rng = np.random.default_rng(3)
    noise = np.concatenate([noise_states(SMALL, rng, count) for count in (4, 2)]).astype(np.int8)
    np.testing.assert_array_equal(dreams(*machine, 6, seed=3), run(machine, noise, 5))


@pytest.mark.parametrize("kind", ["distilled", "dreams"])
def test_what_the_old_machine_restores_is_rehearsed(monkeypatch, machine, kind):
    monkeypatch.setattr(rehearsals, "COUNT", 6)
    rng = np.random.default_rng(1)
    digits, slept, bent = (rng.integers(0, 256, (9, 6, 6), dtype=np.uint8) for _ in range(3))
    asked = []
    monkeypatch.setattr(rehearsals, "dreams", lambda *given: asked.append(given[2]) or slept[:6])
    monkeypatch.setattr(rehearsals, "deform", lambda images: bent[:6])
    found = rehearsal(kind, *machine, digits, 0.5)
    some = digits[:6] if kind == "distilled" else bent[:6]
    damaged = blank(some, range(6), 0.5)

    np.testing.assert_array_equal(found.damaged, damaged)
    wanted = run(machine, Model(machine[0]).encode(damaged), SMALL.steps)
    np.testing.assert_array_equal(found.originals, wanted)
    assert asked == ([6] if kind == "dreams" else [])


def test_what_comes_out_and_what_goes_in_belong_together():
    originals = np.arange(20, dtype=np.uint8).reshape(20, 1, 1)
    kept = Rehearsal(originals, originals + 100)
    known, given = kept.pick(np.random.default_rng(2), 8)
    assert len(set(known.flatten().tolist())) > 3
    assert known.max() >= 8, "all of them are rehearsed, not as many as a batch has"
    assert (given - known).eq(100).all()
    assert Rehearsal(originals, None).pick(np.random.default_rng(2), 8)[1] is None


def warped(monkeypatch, place, value, bends=0.0):
    """Deform one image, chance being ``value`` at one place, else 0; return how it is warped."""
    seen = {}

    def randn(*size, generator):
        drawn = torch.zeros(size)
        if len(size) == 2:
            drawn[:, place] = value
        else:
            drawn += bends
            seen["bends"] = size
        return drawn

    grid = functional.affine_grid

    def affine_grid(theta, size, align_corners):
        seen["theta"], seen["size"] = theta, list(size)
        return grid(theta, size, align_corners=align_corners)

    monkeypatch.setattr(torch, "randn", randn)
    monkeypatch.setattr(functional, "affine_grid", affine_grid)
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) * 3
    return deform(images), images, seen


WAYS = {
    "turn": (0, 2.0, [[math.cos(0.3), -math.sin(0.3), 0], [math.sin(0.3), math.cos(0.3), 0]]),
    "slant": (1, 2.0, [[1, 0.5, 0], [0, 1, 0]]),
    "width": (2, 2.0, [[math.exp(0.2), 0, 0], [0, 1, 0]]),
    "height": (3, 2.0, [[1, 0, 0], [0, math.exp(0.2), 0]]),
    "right": (4, 2.0, [[1, 0, 0.16], [0, 1, 0]]),
    "down": (5, 2.0, [[1, 0, 0], [0, 1, 0.16]]),
}
"""What two standard deviations of each kind of chance do to where a pixel is read."""


@pytest.mark.parametrize("way", WAYS)
def test_each_kind_of_deformation_by_hand(monkeypatch, way):
    place, value, wanted = WAYS[way]
    _, _, seen = warped(monkeypatch, place, value)
    torch.testing.assert_close(seen["theta"], torch.tensor([wanted], dtype=torch.float32))
    assert seen["size"] == [1, 1, 8, 8]


def test_turning_and_scaling_go_together(monkeypatch):
    monkeypatch.setattr(rehearsals, "SCALE", 0.15)
    monkeypatch.setattr(rehearsals, "TURN", 0.15)
    place = slice(0, 4)
    _, _, seen = warped(monkeypatch, place, torch.tensor([2.0, 1.0, 1.0, 2.0]))
    wide, high = math.exp(0.15), math.exp(0.3)
    wanted = [
        [math.cos(0.3) * wide, (0.25 - math.sin(0.3)) * high, 0],
        [math.sin(0.3) * wide, math.cos(0.3) * high, 0],
    ]
    torch.testing.assert_close(seen["theta"], torch.tensor([wanted], dtype=torch.float32))


def test_without_chance_an_image_stays_as_it_is(monkeypatch):
    found, images, seen = warped(monkeypatch, 0, 0.0)
    np.testing.assert_array_equal(found, images)
    assert seen["bends"] == (1, 2, 4, 4)


def test_a_bend_that_is_everywhere_the_same_is_a_shift(monkeypatch):
    bent, images, _ = warped(monkeypatch, 0, 0.0, bends=0.25 / 0.06)
    # A quarter of half a side is a pixel: each is read one further right and down.
    np.testing.assert_array_equal(bent[0, :-1, :-1], images[0, 1:, 1:])


def test_images_to_rehearse_are_as_many_and_dreams_as_old_as_is_said():
    assert (rehearsals.COUNT, rehearsals.ASLEEP, rehearsals.BATCH) == (4000, 60, 250)
