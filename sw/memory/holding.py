"""Holding: what a restored digit looks like long after, and after losing cells on the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.device import batches
from sw.memory.chip import compare
from sw.memory.machine import follow, rested
from sw.memory.starts import struck, zero_cells
from sw.memory.task import Bar, Outcome, Task, at_least, at_most, percent

__all__ = ["HOLD", "bars", "measure"]

HOLD = (10, 20, 50, 200)
"""Steps after which digits are read out; the first is the restoration."""

STRIKES = (5, 9)
"""Steps after which cells are lost, in runs of their own, read out `LATER` steps on."""

LATER, SHARE = 10, 0.3
BATCH = 250
ON_CHIP = 2


def measure(task: Task) -> Outcome:
    """Return scores after each step of `HOLD`, after each strike, and how many digits rest."""
    count = len(task.digits.images)
    shown: dict[str, list[np.ndarray]] = {}
    rest = []
    with task.progress("holding", count) as advance:
        for batch in batches(count, BATCH):
            rest.append(run_batch(task, batch, shown))
            advance(batch.stop - batch.start)
    images = {name: np.concatenate(parts) for name, parts in shown.items()}
    scores = {name: task.scores(found) for name, found in images.items()}
    results = {
        "rows": task.digits.rows,
        "digits": count,
        "share_of_cells": SHARE,
        "steps": {str(step): scores[f"step {step}"] for step in HOLD},
        "struck": {str(step): scores[f"struck {step}"] for step in STRIKES},
        "at_rest": percent(np.concatenate(rest)),
        "chip": on_chip(task),
    }
    return Outcome(results, {name: found[:10] for name, found in images.items()})


def run_batch(task: Task, batch: slice, shown: dict[str, list[np.ndarray]]) -> np.ndarray:
    """Run a batch of digits, add to what was shown, and return which rest in the end."""
    machine, indices = task.machine, range(batch.start, batch.stop)

    def show(name: str, states: np.ndarray) -> None:
        shown.setdefault(name, []).append(machine.model.readout(states))

    for step, states in follow(machine, task.encoded(batch), 0, (*HOLD, *STRIKES)):
        if step in HOLD:
            show(f"step {step}", states)
        if step in STRIKES:
            hurt = zero_cells(states, struck(machine.spec, indices, step, SHARE))
            for _, later in follow(machine, hurt, step, [step + LATER]):
                show(f"struck {step}", later)
    return rested(machine, states, HOLD[-1])


def on_chip(task: Task) -> dict[str, Any] | None:
    """Hold a few digits on the chip, cells lost on the way."""
    states = task.encoded(slice(0, ON_CHIP))
    lost = struck(task.machine.spec, range(len(states)), STRIKES[0], SHARE)
    return compare(task, states, HOLD, {STRIKES[0]: lost})


def bars(results: dict[str, Any]) -> list[Bar]:
    """Return what a memory has to reach."""
    first = results["steps"][str(HOLD[0])]
    table = [
        at_least("step 10, mean PSNR", first["psnr_mean"], 22.5, " dB"),
        at_least("step 10, read right", first["digit_id"], 96.8, " %"),
    ]
    held = [(f"step {step}", results["steps"][str(step)]) for step in HOLD[1:]]
    lost = [
        (f"30 % of cells lost after step {step}, ten steps on", results["struck"][str(step)])
        for step in STRIKES
    ]
    for (name, scores), (decibels, points) in zip(
        held + lost, [(0.3, 1), (0.5, 1), (0.7, 1), (0.9, 1.2), (0.9, 1.2)], strict=True
    ):
        below = {key: first[key] - scores[key] for key in ("psnr_mean", "digit_id")}
        table.append(at_most(f"{name}: PSNR below step 10", below["psnr_mean"], decibels, " dB"))
        table.append(at_most(f"{name}: fewer read right", below["digit_id"], points, " points"))
    return [*table, at_least("digits exactly at rest at step 200", results["at_rest"], 90, " %")]
