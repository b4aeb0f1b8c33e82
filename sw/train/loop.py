"""The batches of a stage: what is drawn, what is learnt, when it is saved."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sw.train.learner import Learner, save
from sw.train.options import Options
from sw.train.processes import average, leads, place, share, told
from sw.train.step import advance, lay, numbers, pixels, respond

__all__ = [
    "STAGES",
    "Stopped",
    "calibration_digits",
    "draw",
    "interruptions",
    "run_stage",
    "train_batch",
]

STAGES = ("float", "qat")
DRAWS = (*STAGES, "calibration")
CALIBRATION = 64  # digits
WARM_UP = {"float": 200, "qat": 50}
LOG_EVERY = 100
SAVE_SECONDS = 60.0


class Stopped(Exception):
    """The run was told to stop, and its checkpoint is written."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}; the same command goes on from here")
        self.number = number


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Give a list that receives the number of a SIGTERM or SIGINT instead of dying of it."""
    received: list[int] = []
    previous = {
        number: signal.signal(number, lambda got, frame: received.append(got))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def draw(images: np.ndarray, options: Options, stage: str, batch: int) -> tuple[Tensor, Tensor]:
    """Return the originals and the damaged digits of a batch: pixel codes (B, image, image).

    All randomness comes from seed, stage and batch number, so that a resumed run draws the same.
    """
    rng = np.random.default_rng([options.seed, DRAWS.index(stage), batch])
    torch.manual_seed(int(rng.integers(1 << 62)) + place()[0])  # dropout draws from here
    originals = images[rng.integers(len(images), size=options.batch)].astype(np.float32)
    flat = originals.reshape(options.batch, -1)
    order = rng.random(flat.shape).argsort(axis=1)
    damaged = np.where(order < round(flat.shape[1] * options.damage), np.float32(0), flat)
    if options.noise:
        noisy = damaged + rng.normal(0, options.noise, flat.shape)
        damaged = noisy.round().clip(0, 255).astype(np.float32)
    return (
        torch.from_numpy(originals).to(options.device),
        torch.from_numpy(damaged.reshape(originals.shape)).to(options.device),
    )


def calibration_digits(images: np.ndarray, options: Options) -> Tensor:
    """Return the damaged digits that the quantised model is calibrated with."""
    return draw(images, replace(options, batch=CALIBRATION), "calibration", 0)[1]


def rate(options: Options, stage: str, batch: int) -> float:
    """Return the rule's learning rate: a linear warm-up, then a cosine to zero."""
    total, warm_up = options.stages()[stage], WARM_UP[stage]
    peak = options.rate if stage == "float" else options.qat_rate
    return peak * min(1.0, (batch + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * batch / total))


def restored(learner: Learner, damaged: Tensor, dropout: float) -> Tensor:
    """Run damaged digits through all steps: pixel codes (B, image, image)."""
    spec, exact = learner.rule.spec, learner.stage == "qat"
    weights = numbers(learner.rule, learner.gate)
    states = lay(damaged, weights, spec, exact)
    for step in range(1, spec.steps + 1):
        states = advance(states, weights, spec, exact)
        states = respond(states, weights, spec, step, exact, dropout)
    return pixels(states, weights, spec, exact)


def train_batch(learner: Learner, images: np.ndarray, options: Options) -> tuple[float, float]:
    """Learn from the next batch; return its loss, and its mean PSNR in dB."""
    originals, damaged = map(share, draw(images, options, learner.stage, learner.batch))
    errors = ((restored(learner, damaged, options.dropout) - originals) / 255).square()
    loss = errors.mean()
    for group in learner.optimiser.param_groups:
        group["lr"] = group["share"] * rate(options, learner.stage, learner.batch)
    learner.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    average([parameter.grad for parameter in learner.parameters if parameter.grad is not None])
    torch.nn.utils.clip_grad_norm_(learner.parameters, 1.0)
    learner.optimiser.step()
    learner.batch += 1
    learner.average()
    per_image = errors.detach().mean((1, 2)).clamp(min=1e-9)
    return loss.item(), -10 * per_image.log10().mean().item()


def run_stage(
    learner: Learner,
    images: np.ndarray,
    options: Options,
    digest: str,
    path: Path,
    received: list[int],
) -> None:
    """Go through the batches that are left of the learner's stage."""
    total = options.stages()[learner.stage]
    recent: deque[tuple[float, float]] = deque(maxlen=LOG_EVERY)
    begin = saved = time.monotonic()
    before, first = learner.seconds, learner.batch
    while learner.batch < total:
        recent.append(train_batch(learner, images, options))
        now = time.monotonic()
        learner.seconds = before + now - begin
        signals = told(received)
        if leads() and (learner.batch % LOG_EVERY == 0 or learner.batch == total):
            loss, psnr = np.mean(recent, axis=0)
            left = (now - begin) / (learner.batch - first) * (total - learner.batch)
            print(
                f"{learner.stage} iter {learner.batch}/{total}: loss {loss:.5f}, "
                f"psnr {psnr:.2f} dB, eta {left / 60:.1f} min",
                file=sys.stderr,
                flush=True,
            )
        if signals or now - saved > SAVE_SECONDS:
            save(learner, options, digest, path)
            saved = now
        if signals:
            raise Stopped(signals[0])
    save(learner, options, digest, path)
