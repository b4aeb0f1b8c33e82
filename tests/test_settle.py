"""Biases that are tried on the integers so that a rule comes to rest."""

from dataclasses import replace

import numpy as np
import pytest

import sw.train.settle as settling
from golden.model import Model
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.data import show_digits
from sw.train.calibrate import quantise
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.settle import Fall, fall, pushed, settle, settled

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)


@pytest.fixture
def learner():
    """A quantised rule and gate on corners of show digits, with its options."""
    images = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
    options = Options(recipe="memory", spec=SMALL, batch=4)
    return quantise(begin(options), images, options), images, options


def codes_of(skeleton, origin):
    """Return the codes that were added to each channel's change."""
    difference = skeleton.update.bias - origin.update.bias
    return difference / 2.0**origin.update.shift


def test_biases_are_moved_while_that_pays():
    skeleton = Skeleton.load(SHIPPED / "digits")

    def look(tried):
        codes = codes_of(tried, skeleton)
        moving = 100 * abs(codes[3] - 3) + abs(codes[5] - 0.5)
        dear = 25.0 - abs(codes[3] - 1) / 1000 - 10 * max(0.0, codes[5])
        return Fall(np.array([dear]), np.array([moving, moving]))

    codes, best = settled(skeleton, look)
    wanted = np.zeros(16)
    wanted[3] = 3.0  # 4 codes and 1 less; channel 5 would cost too much
    np.testing.assert_array_equal(codes, wanted)
    assert best.moving.tolist() == [0.5, 0.5]


def test_a_pushed_channel_alone_changes_by_more():
    skeleton = Skeleton.load(SHIPPED / "digits")
    states = np.random.default_rng(0).integers(-100, 100, (2, *skeleton.spec.lattice), np.int8)
    before = Model(skeleton).step(states).astype(int)
    after = Model(pushed(skeleton, 6, 1.0)).step(states).astype(int)
    assert set(np.unique((after - before)[:, 6])) == {0, 1}, "a cut may hide one code"
    others = np.arange(16) != 6
    np.testing.assert_array_equal(after[:, others], before[:, others])


def test_a_fall_is_that_of_the_machine(learner):
    trained, images, _ = learner
    skeleton = trained.rule.weights()
    network = trained.gate.weights(skeleton.digest)
    found = fall(skeleton, network, images, images)
    assert found.psnr.shape == (3,)
    model = Model(skeleton)
    states = model.encode(images)
    for step in range(1, 61):
        before = states
        states = model.step(states)
        model.add_deltas(states, network.deltas(model.planes(states)), step)
    moving = (states != before).reshape(len(images), -1).sum(1)
    np.testing.assert_array_equal(found.moving, moving)


def test_what_is_found_is_what_is_exported(learner, monkeypatch, capsys):
    trained, images, options = learner
    before = trained.rule.weights()
    found = np.array([0.5, 0.0, -1.0, 2.0])
    monkeypatch.setattr(settling, "settled", lambda *given: (found, None))
    settle(trained, images, options)
    after = trained.rule.weights()
    np.testing.assert_array_equal(codes_of(after, before), found)
    same = replace(after, update=replace(after.update, bias=before.update.bias))
    assert same.digest == before.digest, "nothing else changed"


def test_a_run_says_what_it_tries(learner, capsys):
    settle(*learner)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) in (4, 8)
    assert lines[0].startswith("bias of channel 0: ")
    assert lines[0].endswith(" dB")
