"""How fast training is on this machine: the rule's step, the whole batch, and what they could be.

Everything that is compared is timed in turn, round by round, on all threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from golden.spec import Spec
from sw.data.load import show_digits
from sw.model.fused import step_library
from sw.model.rule import Rule
from sw.model.step import TrainingMachine
from sw.runs.memory import keep_memory
from sw.train.calibrate import quantise, quantised_rule
from sw.train.learner import Learner, begin
from sw.train.options import Options
from sw.train.run import train_batch

__all__ = ["measure"]

ROUNDS = 7
BATCH = 32
SIDE = 1024  # of the matrices whose product gives the machine's rate
BATCHES, THEIR_SIZE = 40_000, 64  # the run whose time is told
FLOAT_SHARE = 0.8  # of its batches; the rest is quantisation-aware


def measure(progress: Callable[[str], None] = print) -> dict[str, Any]:
    """Time training; nothing where there is no fused step here, which is then said."""
    if step_library(Spec(), torch.device("cpu")) is None:
        return {}
    keep_memory()
    progress("timing the training step")
    results = step_times()
    progress("timing whole batches")
    return {"training": results | batch_times()}


def seconds(*works: Callable[[], object]) -> list[float]:
    """Return the median time of each, taken in turn."""
    found: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(ROUNDS):
        for times, work in zip(found, works, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return [median(times) for times in found]


class PlainStep(nn.Module):
    """The step as one would write it in float: a depth-wise convolution, ReLU, a 1 x 1."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(spec.channels, spec.filters, 3, padding=1, groups=spec.channels),
            nn.ReLU(),
            nn.Conv2d(spec.filters, spec.channels, 1),
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return the states one step on."""
        result: Tensor = states + self.layers(states)
        return result


def step_times() -> dict[str, Any]:
    """Time ten steps of the rule, forward and backward, fake-quantised and fused against plain."""
    spec = Spec()
    generator = torch.Generator().manual_seed(0)
    states = torch.randint(-40, 40, (BATCH, *spec.lattice), generator=generator).float()
    plain, rule = PlainStep(spec), Rule(spec)
    rule.initialise(generator)
    rule = quantised_rule(rule, torch.full((spec.filters,), 100.0), spec)
    left = torch.randn(SIDE, SIDE, generator=generator)
    right = torch.randn(SIDE, SIDE, generator=generator)

    def run_plain() -> None:
        run_and_learn(plain, states, plain, spec.steps)

    def run_fused() -> None:
        run_and_learn(rule, states, TrainingMachine.of(rule, None).step, spec.steps)

    slow, fast, product = seconds(run_plain, run_fused, lambda: left @ right)
    rate = 2 * SIDE**3 / product
    macs = 3 * spec.cells * (9 * spec.filters + spec.filters * spec.channels)
    needed = 2 * BATCH * spec.steps * macs / rate
    return {
        "steps_plain_ms": round(1e3 * slow, 1),
        "steps_fused_ms": round(1e3 * fast, 1),
        "steps_plain_to_fused": round(slow / fast, 2),
        "gemm_gflops": round(rate / 1e9, 1),
        "steps_share_of_gemm": round(needed / fast, 3),
    }


def run_and_learn(
    model: nn.Module, states: Tensor, step: Callable[[Tensor], Tensor], count: int
) -> None:
    """Run the steps, and find the gradients of states and weights."""
    start = states.clone().requires_grad_()
    result = start
    for _ in range(count):
        result = step(result)
    result.square().mean().backward()  # type: ignore[no-untyped-call]
    model.zero_grad()


def batch_times() -> dict[str, Any]:
    """Time whole hybrid batches: drawing, gate, optimiser and averages included."""
    images = show_digits()[0]
    qat = learner("qat", BATCH, images)

    def batch(learner: Learner, size: int, fused: bool) -> Callable[[], object]:
        options = Options(batch=size)

        def work() -> None:
            with choose_step(fused):
                train_batch(learner, images, options)

        return work

    fast, slow = seconds(batch(qat, BATCH, True), batch(qat, BATCH, False))
    warm_up = learner("float", THEIR_SIZE, images)
    large = seconds(batch(warm_up, THEIR_SIZE, True), batch(qat, THEIR_SIZE, True))
    mean = FLOAT_SHARE * large[0] + (1 - FLOAT_SHARE) * large[1]
    with neighbour():
        (beside,) = seconds(batch(qat, BATCH, True))
    return {
        "batch_plain_ms": round(1e3 * slow, 1),
        "batch_fused_ms": round(1e3 * fast, 1),
        "batch_plain_to_fused": round(slow / fast, 2),
        "batch_beside_neighbour_to_alone": round(beside / fast, 2),
        "hours_of_40000_batches_of_64": round(BATCHES * mean / 3600, 2),
    }


@contextmanager
def neighbour() -> Iterator[None]:
    """Have another process keep one core busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            yield
        finally:
            busy.kill()


def learner(stage: str, size: int, images: np.ndarray) -> Learner:
    """Return a learner at the beginning of a stage."""
    options = Options(batch=size)
    found = begin(options)
    return quantise(found, images, options) if stage == "qat" else found


@contextmanager
def choose_step(fused: bool) -> Iterator[None]:
    """Run what is fused, or plain torch in its place."""
    before = os.environ.get("THALWEG_FUSED")
    os.environ["THALWEG_FUSED"] = "1" if fused else "0"
    try:
        yield
    finally:
        del os.environ["THALWEG_FUSED"]
        if before is not None:
            os.environ["THALWEG_FUSED"] = before
