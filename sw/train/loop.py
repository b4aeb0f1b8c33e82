"""The batches of a stage: their rate, one of them, when they are saved."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from sw.runs.checkpoint import Diverged
from sw.runs.processes import average, gather_signals, leads
from sw.train.learner import Learner, save
from sw.train.options import Options
from sw.train.origins import shorten_ways
from sw.train.recipes import hold, relearn, restore

__all__ = ["Stopped", "interruptions", "run_stage", "train_batch"]

WARM_UP = {"float": 200, "hold": 50, "qat": 50, "letters": 50}
LOG_EVERY = 100
SAVE_SECONDS = 60.0
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(Exception):
    """The run was told to stop, and its checkpoint is written."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}; the same command goes on from here")
        self.number = number


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Give a list that receives the number of a SIGTERM, SIGINT or SIGHUP instead of dying of it.

    A run that `Stopped` because of one ends the process as such a signal would. Beside the main
    thread, which alone may receive signals, the list stays empty.
    """
    received: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    previous = {
        number: signal.signal(number, lambda got, frame: received.append(got))
        for number in (STOPPING if main else ())
        if signal.getsignal(number) not in (signal.SIG_IGN, None)  # as nohup has it
    }
    try:
        yield received
    except Stopped as stopped:
        if leads():
            print(stopped, file=sys.stderr)
        raise SystemExit(128 + stopped.number) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def rate(options: Options, stage: str, batch: int) -> float:
    """Return the rule's learning rate: a linear warm-up, then a cosine to zero."""
    total, warm_up = options.stages()[stage], WARM_UP[stage]
    peak = {"hold": options.hold_rate, "qat": options.qat_rate}.get(stage, options.rate)
    return peak * min(1.0, (batch + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * batch / total))


def train_batch(learner: Learner, images: np.ndarray, options: Options) -> tuple[float, float]:
    """Learn from the next batch; return its loss, and its mean PSNR in dB."""
    work = relearn if learner.frozen else restore if learner.pool is None else hold
    loss, errors = work(learner, images, options)
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
    advance(learner)
    learner.average(options.averaging)
    return value.item(), -10 * errors.detach().clamp(min=1e-9).log10().mean().item()


def advance(learner: Learner) -> None:
    """Step all weights by their gradients: the batch is done."""
    try:
        for optimiser in learner.optimisers:
            optimiser.step()
    except torch.linalg.LinAlgError as error:  # what SOAP decomposes has become no number
        raise Diverged(learner.stage, learner.batch + 1, "a weight") from error
    learner.batch += 1


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
        if learner.pool is not None and learner.stage == "qat" and learner.batch == total * 2 // 3:
            shorten_ways(learner, images, options)
        recent.append(train_batch(learner, images, options))
        now = time.monotonic()
        learner.seconds = before + now - begin
        signals = gather_signals(received)
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
