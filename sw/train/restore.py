"""A batch that teaches to restore: damaged digits run through all steps, right after the last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from golden.spec import Spec
from sw.model.step import TrainingMachine
from sw.runs.processes import share
from sw.train.draw import draw, living_cells, random
from sw.train.first import lost_after
from sw.train.learner import Learner
from sw.train.losses import Loss, closeness, squared_error
from sw.train.options import Options
from sw.train.teacher import aim

__all__ = ["restore", "run_supervised"]


@dataclass(frozen=True)
class Hurt:
    """Cells that are lost in mid-run."""

    after: int
    """The step."""
    living: Tensor
    """Which cells live on: float32 (n, 1, h, w) of 0, 1."""


def hurt_some(spec: Spec, count: int, options: Options, rng: np.random.Generator) -> Hurt:
    """Choose which cells the first lattices of a batch lose, and after which step."""
    living = living_cells(spec, count, round(options.hurt * count), options.device)
    return Hurt(lost_after(spec, rng), living)


def run_supervised(
    machine: TrainingMachine, damaged: Tensor, options: Options, hurt: Hurt | None = None
) -> Iterator[Tensor]:
    """Run damaged digits through all steps; yield what is shown where that is supervised."""
    states, spec = machine.encode(damaged), machine.spec
    for step in range(1, spec.steps + 1):
        states = machine.advance(states, step)
        if options.supervise == "every" or step == spec.steps:
            yield machine.readout(states)
        if hurt is not None and step == hurt.after:
            states = states * hurt.living


def restore(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring a batch of digits in the steps given."""
    rng = random(options, learner.stage, learner.batch)
    originals, damaged = map(share, draw(images, options, rng))
    wanted = aim(originals, damaged, options)
    machine = learner.machine(options.dropout)
    hurt = hurt_some(machine.spec, len(damaged), options, rng) if options.hurt else None
    shown = list(run_supervised(machine, damaged, options, hurt))
    losses = [closeness(squared_error(each, wanted), options) for each in shown]
    return Loss(torch.stack(losses).mean(), squared_error(shown[-1], originals))
