"""Damage: cells lost at each step, and faults of the lattice memory while a digit is restored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from golden.compare import require_equal
from golden.machine import Fault, Machine, follow
from sw.experiments.memory.batchwise import Batch, batchwise
from sw.experiments.memory.damage_figure import draw
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.faults import (
    DeadRows,
    Flips,
    MemoryDevice,
    StuckChannel,
    run_faulty,
)
from sw.experiments.memory.starts import choose_lost_cells, zero_cells
from sw.experiments.memory.tables import chip_line, score_cells
from sw.experiments.memory.task import Bar, Outcome, Results, Task, at_most, scores
from sw.report.docs import table

__all__ = ["EXPERIMENT", "SHARES", "bars", "measure", "tabulate"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Shares of cells that are lost."""

STEPS = LATER = 10
"""Cells are lost after one of steps 1 to 10, and digits read out ten steps on."""

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Chance of a flip for each bit in each step."""

DEAD = (1, 2, 4, 8)
"""Rows that hold nothing, spread evenly over the lattice."""

ON_CHIP = 2


def measure(task: Task) -> Outcome:
    """Return scores for each share at each step, and under each fault of the memory."""
    found = batchwise(task, "damage", suffer)
    steps, spec = range(1, STEPS + 1), task.machine.spec
    results = {
        "rows": task.digits.rows,
        "digits": len(task.digits.images),
        "later": LATER,
        "whole": scores(found["whole"]),
        "lost": {
            str(share): {str(step): scores(found[f"lost {share} {step}"]) for step in steps}
            for share in (0, *SHARES)
        },
        "faults": {
            name: scores(found[name]) for name, _ in faults(spec.channels, spec.height, range(0))
        },
        "chip": on_chip(task),
    }
    examples = {f"{share:.0%}": found[f"shown lost {share} 9"] for share in SHARES}
    return Outcome(results, examples)


def suffer(batch: Batch) -> None:
    """Lose cells and fail memories, each in a run of its own."""
    lose_cells(batch)
    fail(batch)


def lose_cells(batch: Batch) -> None:
    """Zero each share of cells after each step, and look ten steps later."""
    machine = batch.task.machine
    for step, states in follow(machine, batch.encoded, 0, range(1, STEPS + LATER + 1)):
        if step == machine.spec.steps:
            batch.show("whole", states)
        if step > LATER:
            batch.show(f"lost 0 {step - LATER}", states)
        if step <= STEPS:
            for share in SHARES:
                hurt = zero_cells(
                    states, choose_lost_cells(machine.spec, batch.indices, step, share)
                )
                *_, (_, later) = follow(machine, hurt, step, [step + LATER])
                batch.show(f"lost {share} {step}", later)


def faults(channels: int, height: int, indices: range) -> Iterable[tuple[str, Fault]]:
    """Return every fault by its name."""
    for rate in RATES:
        yield f"flips {rate:g}", Flips(rate, indices)
    for channel in range(channels):
        yield f"channel {channel}", StuckChannel(channel)
    for rows in DEAD:
        dead = np.linspace(0, height - 1, rows + 2).round().astype(int)[1:-1]
        yield f"rows {rows}", DeadRows(tuple(dead.tolist()))


def fail(batch: Batch) -> None:
    """Restore digits under each fault, and look at the end."""
    task, spec = batch.task, batch.task.machine.spec
    for name, fault in faults(spec.channels, spec.height, batch.indices):
        machine = Machine(task.skeleton, task.network, fault)
        last = machine.carry_on(fault.strike(batch.encoded, 0), spec.steps)
        batch.show(name, last)


def on_chip(task: Task) -> dict[str, Any] | None:
    """Put every fault into a chip's memory too; every code after every step must be equal."""
    if task.chip is None:
        return None
    chip = cast(MemoryDevice, task.chip(task.skeleton))
    states, spec = task.encoded(slice(0, ON_CHIP)), task.machine.spec
    every = list(faults(spec.channels, spec.height, range(len(states))))
    codes = 0
    with task.progress("faults on the chip", len(every)) as advance:
        for name, fault in every:
            found = run_faulty(chip, task.network, fault, states, spec.steps)
            machine = Machine(task.skeleton, task.network, fault)
            wanted = machine.run(fault.strike(states, 0), spec.steps)
            for step, (seen, want) in enumerate(zip(found, wanted, strict=True), 1):
                codes += require_equal(seen, want, f"{name}, lattice {{}}, step {step}")
            advance(1)
    return {"lattices": len(states), "faults": len(every), "codes_equal": codes}


def bars(results: Results) -> list[Bar]:
    """Return what damage may cost."""
    alone, lost = results["lost"]["0"], results["lost"]["0.3"]
    worst = max(alone[step]["digit_id"] - lost[step]["digit_id"] for step in lost)
    name = "30 % of cells lost after any of ten steps: fewer read right, at worst"
    # What the idea behind all this lost with as many cells.
    return [at_most(name, worst, 8, " points")]


def tabulate(results: Results) -> str:
    """Return what is read right after losses, and under faults."""
    shares = list(results["lost"])
    steps = list(results["lost"]["0"])
    lost = table(
        ("read right, cells lost", *(f"{float(share):.0%}" for share in shares)),
        (
            (f"after step {step}", *(results["lost"][share][step]["digit_id"] for share in shares))
            for step in steps
        ),
    )
    faults = [("none", *score_cells(results["whole"]))]
    faults += [(name, *score_cells(found)) for name, found in results["faults"].items()]
    headings = ("fault of the memory", "mean PSNR", "PSNR of mean", "read right")
    return lost + "\n" + table(headings, faults) + chip_line(results["chip"])


EXPERIMENT = Experiment(
    name="damage",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
)
