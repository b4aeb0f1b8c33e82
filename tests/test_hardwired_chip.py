"""The hardwired chip against golden: every code of every step, and the clocks that it promises."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import InputError
from golden.model import Model
from golden.samples import calibrated, extreme, uniform
from golden.spec import Spec
from hw.hardwired.plan import Plan
from hw.hardwired.window import CellWindow
from hw.ports import FLUSH
from tests.hardwired import SMALL, run_chip, skeleton_of

pytest.importorskip("da4ml")

WIDE = Spec(height=4, width=8, channels=8, multiplier=1, image=2)
"""The rows are longer than the columns, and a margin surrounds the image."""

FULL = Spec(height=8, width=8, channels=4, multiplier=1, image=8)
"""The image has no margin, and the lattice more cells than there are in the pipeline."""


def golden_run(skeleton, jobs):
    """Return the states of every step and the image of every job, as `run_chip` does."""
    model, states, images, state = Model(skeleton, "torch"), [], [], None
    for begin, steps in jobs:
        if begin is not None:
            state = model.encode(begin[None]) if begin.ndim == 2 else begin[None]
        for _ in range(steps):
            state = model.step(state)
            states.append(state[0])
        images.append(model.readout(state)[0])
    return np.array(states), np.array(images)


def samples(spec):
    """Return two images and a state."""
    rng = np.random.default_rng(12)
    images = rng.integers(0, 256, (2, spec.image, spec.image)).astype(np.uint8)
    return *images, rng.integers(-128, 128, spec.lattice).astype(np.int8)


@pytest.mark.parametrize("make", [calibrated, uniform, extreme])
@pytest.mark.parametrize("spec", [SMALL, WIDE, FULL], ids=["tall", "wide", "full"])
@pytest.mark.parametrize("gaps", [(0,), (0, 7, 1)], ids=["flowing", "stalling"])
def test_every_code_of_every_step_equals_golden(make, spec, gaps):
    skeleton = skeleton_of(make, spec)
    one, two, state = samples(spec)
    jobs = [(one, 2), (two, 1), (one, 1), (None, 2), (state, 3), (one, 1), (two, 2)]
    states, images, _ = run_chip(skeleton, jobs, gaps=gaps)
    wanted, shown = golden_run(skeleton, jobs)
    np.testing.assert_array_equal(states, wanted)
    np.testing.assert_array_equal(images, shown)


def test_runs_follow_each_other_without_a_gap():
    skeleton = skeleton_of(calibrated, SMALL)
    plan = Plan(skeleton)
    one, two, _ = samples(SMALL)
    jobs = [(one, 3), (two, 3), (one, 3), (two, 3)]
    _, _, clocks = run_chip(skeleton, jobs)
    assert clocks == 12 * plan.pass_clocks + plan.latency + 2


def test_a_step_takes_a_clock_for_each_cell_of_a_large_lattice():
    skeleton = skeleton_of(calibrated, Spec(channels=4, multiplier=1))
    plan = Plan(skeleton)
    assert plan.pass_clocks == 1024 and plan.latency < FLUSH


def test_a_wrong_edge_is_seen(monkeypatch):
    skeleton = skeleton_of(calibrated, SMALL)
    *_, state = samples(SMALL)
    wanted, _ = golden_run(skeleton, [(state, 1)])
    right = CellWindow.clocks
    monkeypatch.setattr(CellWindow, "clocks", staticmethod(lambda geometry: right(geometry) + 1))
    states, _, _ = run_chip(skeleton, [(state, 1)])
    assert not np.array_equal(states, wanted)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"boundary": "wrap"}, "The hardwired chip takes spec.boundary 'zero', not 'wrap'"),
        ({"channels": 5}, "The chip takes spec.channels 4, 8 or 16, not 5"),
        (
            {"height": 6, "image": 4},
            "The chip takes spec.height 4 to 64 in steps of 4, not 6",
        ),
    ],
)
def test_other_specs_are_refused_before_the_work(change, text):
    skeleton = skeleton_of(uniform, replace(SMALL, **change))
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        Plan(skeleton)
