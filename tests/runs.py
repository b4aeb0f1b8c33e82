"""Learners some batches into a stage, on corners of show digits."""

import numpy as np

from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.train.calibrate import quantise
from sw.train.learner import Learner, begin
from sw.train.loop import train_batch
from sw.train.recipes import begin_holding

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])
LABELS = show_digits()[1][:64]


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
