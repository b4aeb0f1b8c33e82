"""Run by torchrun in a test: a few batches, then a whole small training, what came of it saved."""

import sys
from pathlib import Path

import numpy as np
import torch

import sw.train.recipes as recipes
import sw.train.run as run
import sw.train.ship as ship
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.runs.processes import join, place
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.run import train_batch

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2)
SPEC = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)


def few_batches(options, corners):
    """Return the gradients of the first of three batches, and the parameters after them."""
    learner, gradients = begin(options), []
    for _ in range(3):
        train_batch(learner, corners, options)
        gradients.append([parameter.grad.clone() for parameter in learner.parameters])
    return gradients[0], [parameter.detach() for parameter in learner.parameters]


def main(folder):
    """Leave ``rank-N.pt`` in the folder."""
    torch.set_num_threads(1)
    images, labels = show_digits()
    digits = Digits(
        np.ascontiguousarray(images[:64, 8:16, 10:18]), labels[:64], None, None, "corners"
    )
    options = Options(spec=SPEC, output=folder, batches=3, qat_batches=2, batch=8)
    exported = []
    recipes.load = lambda data, download, fit: digits
    ship.export = lambda learner, options, digits: exported.append(learner.rule.weights().digest)
    with join(options.batch):
        rank = place()[0]
        gradients, parameters = few_batches(options, digits.train_images)
        run.run(options)
    torch.save((gradients, parameters, exported), folder / f"rank-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
