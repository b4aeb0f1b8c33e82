"""What a gate rehearses: of which images, restored by whom, from what damage."""

import numpy as np
import pytest

import sw.train.rehearsal as rehearsals
from golden.model import Model
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.train.draw import noise_states
from sw.train.rehearsal import Rehearsal, dreams, rehearsal

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
    monkeypatch.setattr(rehearsals, "deformed", lambda images: bent[:6])
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
    assert (given - known).eq(100).all()
    assert Rehearsal(originals, None).pick(np.random.default_rng(2), 8)[1] is None
