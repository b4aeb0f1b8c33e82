"""Learners some batches into a stage, on corners of show digits."""

from dataclasses import replace

import numpy as np

from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.runs.checkpoint import Checkpoint
from sw.train.calibrate import quantise
from sw.train.hold import begin_holding
from sw.train.identity import identity
from sw.train.learner import Learner, begin
from sw.train.recipes import RECIPES
from sw.train.run import train_batch

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
LABELS = show_digits()[1][:64]


def checkpoint_of(options, path, digest="data"):
    """Return the checkpoint of a run at a path."""
    return Checkpoint(path, identity(options, digest))


def save(learner, options, path):
    """Write the checkpoint of a learner."""
    checkpoint_of(options, path).save(learner.state(), learner.stage, learner.batch)


def resume(options, path):
    """Return the learner of a checkpoint."""
    return checkpoint_of(options, path).resume(
        options.device, lambda values: Learner.of(values, options)
    )


def teach(monkeypatch, options, name, work):
    """Have the batches of a stage of these options' recipe compute their loss by other means."""
    stages = RECIPES[options.recipe].stages
    monkeypatch.setitem(stages, name, replace(stages[name], loss=work))


def trained(stage, options):
    """Return a learner some batches into a stage."""
    found = begin(options)
    train_batch(found, CORNERS, options)
    if stage in ("hold", "qat"):
        found = Learner(rule=found.rule, gate=found.gate, stage="hold", optimiser=options.optimiser)
        begin_holding(found, CORNERS, LABELS, options)
    if stage == "qat":
        found = quantise(found, CORNERS, options)
    for _ in range(2):
        train_batch(found, CORNERS, options)
    found.seconds = 12.5
    return found
