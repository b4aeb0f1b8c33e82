"""A batch that teaches to restore: damaged digits run through all steps, right after the last."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sw.model.step import TrainingMachine
from sw.runs.processes import share
from sw.train.draw import draw, random
from sw.train.learner import Learner
from sw.train.losses import Loss, closeness, squared_error
from sw.train.options import Options
from sw.train.teacher import aim

__all__ = ["restore", "run_supervised"]


def run_supervised(machine: TrainingMachine, damaged: Tensor, options: Options) -> Iterator[Tensor]:
    """Run damaged digits through all steps; yield what is shown where that is supervised."""
    spec = machine.spec
    for step, states in enumerate(machine.run(machine.encode(damaged), spec.steps), 1):
        if options.supervise == "every" or step == spec.steps:
            yield machine.readout(states)


def restore(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring a batch of digits in the steps given."""
    rng = random(options, learner.stage, learner.batch)
    originals, damaged = map(share, draw(images, options, rng))
    wanted = aim(originals, damaged, options)
    shown = list(run_supervised(learner.machine(options.dropout), damaged, options))
    losses = [closeness(squared_error(each, wanted), options) for each in shown]
    return Loss(torch.stack(losses).mean(), squared_error(shown[-1], originals))
