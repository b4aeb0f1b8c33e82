"""Holding: what a restored digit looks like long after, and after losing cells on the way.

Beside it, what becomes of the same digits on a machine that is trained to restore alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from golden.machine import Steps, find_resting, follow
from golden.skeleton import GATE_FILE, SHIPPED, SKELETON_FILE
from golden.spec import Spec
from sw.experiments.memory.batchwise import Batch, batchwise
from sw.experiments.memory.chip import compare
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.holding_figure import draw
from sw.experiments.memory.starts import choose_lost_cells, zero_cells
from sw.experiments.memory.tables import chip_line, score_cells
from sw.experiments.memory.task import (
    Bar,
    Outcome,
    Results,
    Task,
    at_least,
    at_most,
    percent,
    scores,
)
from sw.report.docs import table
from sw.runs.loading import load_run

__all__ = [
    "BESIDES",
    "EXPERIMENT",
    "FILES",
    "HOLD",
    "LATER",
    "ON_CHIP",
    "RESTORING",
    "STRIKES",
    "bars",
    "carry",
    "held",
    "measure",
    "tabulate",
]

HOLD = (10, 20, 50, 200)
"""Steps after which digits are read out; the first is the restoration."""

STRIKES = (5, 9)
"""Steps after which cells are lost, in runs of their own, read out `LATER` steps on."""

LATER, SHARE = 10, 0.3
ON_CHIP = 2

RESTORING = "digits"
"""The shipped skeleton that is trained to be right at the first of `HOLD` alone."""

FILES = (SKELETON_FILE, GATE_FILE)
"""Files of a skeleton that decide what it does."""

BESIDES = tuple(SHIPPED / RESTORING / name for name in FILES)


class Runs(Steps, Protocol):
    """Machines that have a lattice, of which cells may be lost."""

    spec: Spec


def measure(task: Task) -> Outcome:
    """Return scores after each step of `HOLD`, after each strike, and how many digits rest."""
    found = batchwise(task, "holding", hold)
    skeleton, network = load_run(RESTORING)
    other = batchwise(replace(task, skeleton=skeleton, network=network), RESTORING, hold)
    results = {
        "rows": task.digits.rows,
        "digits": len(task.digits.images),
        "share_of_cells": SHARE,
        "blanked": scores(found["blanked"]),
        **held(found),
        "restoring": {"skeleton": RESTORING, **held(other)},
        "chip": on_chip(task),
    }
    shown = {name: images for name, images in found.items() if name.startswith("shown")}
    return Outcome(
        results,
        shown
        | {
            "originals": task.digits.images[: len(shown["shown step 10"])],
            "later": np.array(LATER),
        },
    )


def held(found: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the numbers of a machine's digits."""
    return {
        "steps": {str(step): scores(found[f"step {step}"]) for step in HOLD},
        "struck": {str(step): scores(found[f"struck {step}"]) for step in STRIKES},
        "at_rest": percent(found["rest"]),
    }


def hold(batch: Batch) -> None:
    """Run a batch of digits on and on, and lose cells on the way in runs of their own."""
    carry(
        batch, batch.task.machine, batch.encoded, lambda name, _, states: batch.show(name, states)
    )


def carry(
    batch: Batch,
    machine: Runs,
    states: np.ndarray,
    show: Callable[[str, int, np.ndarray], None],
) -> None:
    """Carry digits on from their lattices after step 0, with ``show`` at each step to look at."""
    batch.look("blanked", batch.damaged)
    for step, now in follow(machine, states, 0, (*HOLD, *STRIKES)):
        if step in HOLD:
            show(f"step {step}", step, now)
        if step in STRIKES:
            hurt = zero_cells(now, choose_lost_cells(machine.spec, batch.indices, step, SHARE))
            for end, later in follow(machine, hurt, step, [step + LATER]):
                show(f"struck {step}", end, later)
    batch.found["rest"] = find_resting(machine, now, HOLD[-1])


def on_chip(task: Task) -> dict[str, Any] | None:
    """Hold a few digits on the chip, cells lost on the way."""
    states = task.encoded(slice(0, ON_CHIP))
    lost = choose_lost_cells(task.machine.spec, range(len(states)), STRIKES[0], SHARE)
    return compare(task, states, HOLD, {STRIKES[0]: lost})


def bars(results: Results) -> list[Bar]:
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
    for (name, then), (decibels, points) in zip(
        held + lost, [(0.3, 1), (0.5, 1), (0.7, 1), (0.9, 1.2), (0.9, 1.2)], strict=True
    ):
        below = {key: first[key] - then[key] for key in ("psnr_mean", "digit_id")}
        table.append(at_most(f"{name}: PSNR below step 10", below["psnr_mean"], decibels, " dB"))
        table.append(at_most(f"{name}: fewer read right", below["digit_id"], points, " points"))
    return [*table, at_least("digits exactly at rest at step 200", results["at_rest"], 90, " %")]


def tabulate(results: Results) -> str:
    """Return what digits hold, and what becomes of them where holding was not learnt."""
    share = f"{results['share_of_cells']:.0%} of the cells lost after step"
    other = results["restoring"]
    rows = [("blanked", *score_cells(results["blanked"]), "", "")]
    for kind, label in (("steps", "step"), ("struck", share)):
        for step, found in results[kind].items():
            psnr, _, read = score_cells(other[kind][step])
            rows.append((f"{label} {step}", *score_cells(found), psnr, read))
    rest, others = (f"{each['at_rest']:.2f} %" for each in (results, other))
    rows.append(("exactly at rest in the end", rest, "", "", others, ""))
    name = other["skeleton"]
    heads = (
        "mean PSNR",
        "PSNR of mean",
        "read right",
        f"`{name}`: mean PSNR",
        f"`{name}`: read right",
    )
    return table(("", *heads), rows) + chip_line(results["chip"])


EXPERIMENT = Experiment(
    name="holding",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
    besides=BESIDES,
)
