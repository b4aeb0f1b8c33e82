"""Train a skeleton and its gate: a whole run, from top to bottom in the order in which it happens.

    thalweg train --name mine --recipe restore

`train` sets PyTorch up, reads the data, learns, settles and exports. `learn` goes through the
stages of the recipe, `run_stage` through the batches of a stage, `train_batch` through one batch.
What the stages are and what a batch of each teaches, `sw.train.recipes` says in a table.
"""

from __future__ import annotations

import math
import sys
from collections import deque

import numpy as np
import torch
from torch import Tensor

from golden.skeleton import SHIPPED
from sw.data.load import Digits
from sw.runs.checkpoint import Checkpoint, Diverged
from sw.runs.interruption import Clock, Stopped, interruptions
from sw.runs.memory import keep_memory
from sw.runs.ordinary import ordinary
from sw.runs.processes import average, exclude_others, gather_signals, join, leads, meet
from sw.runs.writable import require_folders
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.recipes import RECIPES, Recipe, stage_of

__all__ = ["learn", "prepare", "run_stage", "train", "train_batch"]

LOG_EVERY = 100
"""Batches."""


@ordinary()
def train(options: Options, digits: Digits | None = None) -> None:
    """Train a skeleton and its gate, or go on with a run that was broken off.

    A checkpoint in ``options.folder`` is written every minute, and on SIGTERM and SIGINT, upon
    which the process exits with 128 plus the signal's number. The same call goes on from there
    and, on a CPU, ends with the very same skeleton. What is left in the folder: `skeleton.json`,
    `gate.safetensors` and `provenance.json`; with ``options.ship`` also among the shipped ones.

    ``digits`` take the place of the data that the options name.

    Under torchrun each process takes its share of every batch, and all must see the same folder.

    For the command line: ``thalweg train`` fills `Options` (``--data``, ``--name``, ``--output``,
    ``--device``, ``--batches``, ``--qat-batches``, ``--batch``, ``--seed``, ``--threads``,
    ``--recipe``, ``--noise``, ``--dropout``, ``--ship`` and more) and calls this.
    Progress goes to stderr. Bad input raises `golden.errors.InputError`.
    """
    with join(options.batch), exclude_others(options.folder):
        run(options, digits)


def run(options: Options, digits: Digits | None = None) -> None:
    """Train, in this process or in this and its like."""
    prepare(options)
    if options.ship and leads():
        require_folders(SHIPPED)
    kind = RECIPES[options.recipe]
    recipe = kind.load(options) if digits is None else kind(options, digits)
    learner = learn(recipe)
    if leads():
        recipe.settle(learner)
        recipe.export(learner)


def prepare(options: Options) -> None:
    """Set up PyTorch: threads, and arithmetic that is exact and repeatable."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False  # ten bits of mantissa hold no 24-bit sum
    torch.backends.cuda.matmul.allow_tf32 = False
    keep_memory()


@ordinary()
def learn(recipe: Recipe) -> Learner:
    """Return the learner at the end of all stages, its averages taken; nothing is exported.

    The run goes on from its checkpoint where there is one.
    """
    recipe.require_fit()
    options, checkpoint = recipe.options, recipe.checkpoint()
    learner = recipe.resume(checkpoint) if checkpoint.exists() else recipe.begin()
    meet()  # all have looked before there is a new one
    if learner.batch == 0:
        save(learner, checkpoint)  # a folder that cannot be written fails here
    names = list(options.stages())
    with interruptions() as received:
        for name in names[names.index(learner.stage) :]:
            if learner.stage != name:
                learner.take_averages()
                learner = recipe.stages[name].enter(learner, recipe.digits, options)
            run_stage(learner, recipe.digits.train_images, options, checkpoint, received)
    learner.take_averages()
    return learner


def run_stage(
    learner: Learner,
    images: np.ndarray,
    options: Options,
    checkpoint: Checkpoint,
    received: list[int],
) -> None:
    """Go through the batches that are left of the learner's stage.

    ``received`` fills with the numbers of signals, upon which the run stops.
    """
    total, late = options.stages()[learner.stage], stage_of(options, learner.stage).late
    clock = Clock(learner.seconds, learner.batch)
    recent: deque[tuple[float, float]] = deque(maxlen=LOG_EVERY)
    while learner.batch < total:
        if late is not None and learner.batch == total * 2 // 3:
            late(learner, images, options)
        recent.append(train_batch(learner, images, options))
        learner.seconds = clock.tick()
        if leads() and (learner.batch % LOG_EVERY == 0 or learner.batch == total):
            log(learner, total, np.mean(recent, axis=0), clock)
        signals = gather_signals(received)
        if signals or clock.save_is_due():
            save(learner, checkpoint)
        if signals:
            raise Stopped(signals[0])
    save(learner, checkpoint)


def train_batch(learner: Learner, images: np.ndarray, options: Options) -> tuple[float, float]:
    """Learn from the next batch; return its loss, and its mean PSNR in dB."""
    stage = stage_of(options, learner.stage)
    loss, errors = stage.loss(learner, images, options)  # draws digits, runs them, compares

    for optimiser in learner.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate(options, learner.stage, learner.batch)
        optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]

    value = loss.detach().clone()
    found = [parameter.grad for parameter in learner.parameters if parameter.grad is not None]
    average([value, *found])  # the loss too: all processes must stop alike
    norm = torch.nn.utils.clip_grad_norm_(learner.parameters, 1.0)
    if not bool((value + norm).isfinite()):
        raise Diverged(learner.stage, learner.batch + 1)

    step(learner)
    learner.average(options.averaging)
    return value.item(), decibels(errors)


def rate(options: Options, name: str, batch: int) -> float:
    """Return the rule's learning rate in a stage: a linear warm-up, then a cosine to zero."""
    stage, total = stage_of(options, name), options.stages()[name]
    peak: float = getattr(options, stage.rate)
    rising = min(1.0, (batch + 1) / stage.warm_up)
    return peak * rising * 0.5 * (1 + math.cos(math.pi * batch / total))


def step(learner: Learner) -> None:
    """Step all weights by their gradients: the batch is done."""
    try:
        for optimiser in learner.optimisers:
            optimiser.step()
    except torch.linalg.LinAlgError as error:  # what SOAP decomposes has become no number
        raise Diverged(learner.stage, learner.batch + 1, "a weight") from error
    learner.batch += 1


def decibels(errors: Tensor) -> float:
    """Return the mean PSNR of mean squared errors, full scale being 1; at most 90 dB each."""
    return -10 * errors.detach().clamp(min=1e-9).log10().mean().item()


def log(learner: Learner, total: int, means: np.ndarray, clock: Clock) -> None:
    """Tell how far the stage is: the means of the last batches' loss and PSNR."""
    loss, psnr = means
    print(
        f"{learner.stage} iter {learner.batch}/{total}: loss {loss:.5f}, psnr {psnr:.2f} dB, "
        f"eta {clock.minutes_left(learner.batch, total):.1f} min",
        file=sys.stderr,
        flush=True,
    )


def save(learner: Learner, checkpoint: Checkpoint) -> None:
    """Write the checkpoint."""
    checkpoint.save(learner.state(), learner.stage, learner.batch)
