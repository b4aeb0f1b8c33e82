"""Damage: cells lost at each step, and faults of the lattice memory while a digit is restored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from golden.device import batches
from golden.errors import Difference
from sw.memory.faults import (
    DeadRows,
    Fault,
    FaultyMachine,
    Flips,
    MemoryDevice,
    StuckChannel,
    run_faulty,
)
from sw.memory.machine import follow
from sw.memory.starts import struck, zero_cells
from sw.memory.task import Bar, Outcome, Task, at_most

__all__ = ["KINDS", "SHARES", "bars", "measure"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Shares of cells that are lost."""

STEPS = LATER = 10
"""Cells are lost after one of steps 1 to 10, and digits read out ten steps on."""

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Chance of a flip for each bit in each step."""

DEAD = (1, 2, 4, 8)
"""Rows that hold nothing, spread evenly over the lattice."""

KINDS = ("flips", "channel", "rows")
BATCH = 250
ON_CHIP = 2

Shown = dict[str, list[np.ndarray]]


def measure(task: Task) -> Outcome:
    """Return scores for each share at each step, and under each fault of the memory."""
    count, shown = len(task.digits.images), cast(Shown, {})
    with task.progress("damage", count) as advance:
        for batch in batches(count, BATCH):
            lose_cells(task, batch, shown)
            fail(task, batch, shown)
            advance(batch.stop - batch.start)
    scores = {name: task.scores(np.concatenate(parts)) for name, parts in shown.items()}
    results = {
        "rows": task.digits.rows,
        "digits": count,
        "later": LATER,
        "whole": scores["whole"],
        "lost": {
            str(share): {str(step): scores[f"lost {share} {step}"] for step in range(1, STEPS + 1)}
            for share in (0, *SHARES)
        },
        "faults": {name: scores[name] for name in scores if name.split()[0] in KINDS},
        "chip": on_chip(task),
    }
    examples = {name: np.concatenate(shown[f"lost {name} 9"])[:10] for name in (0.1, 0.3, 0.5, 0.7)}
    return Outcome(results, {f"{name:.0%}": images for name, images in examples.items()})


def lose_cells(task: Task, batch: slice, shown: Shown) -> None:
    """Zero each share of cells after each step, run ten steps on and note what is shown."""
    machine, indices = task.machine, range(batch.start, batch.stop)

    def show(name: str, states: np.ndarray) -> None:
        shown.setdefault(name, []).append(machine.model.readout(states))

    for step, states in follow(machine, task.encoded(batch), 0, range(1, STEPS + LATER + 1)):
        if step == machine.spec.steps:
            show("whole", states)
        if step > LATER:
            show(f"lost 0 {step - LATER}", states)
        if step <= STEPS:
            for share in SHARES:
                hurt = zero_cells(states, struck(machine.spec, indices, step, share))
                *_, (_, later) = follow(machine, hurt, step, [step + LATER])
                show(f"lost {share} {step}", later)


def faults(channels: int, height: int, indices: range) -> Iterable[tuple[str, Fault]]:
    """Return every fault by its name."""
    for rate in RATES:
        yield f"flips {rate:g}", Flips(rate, indices)
    for channel in range(channels):
        yield f"channel {channel}", StuckChannel(channel)
    for rows in DEAD:
        dead = np.linspace(0, height - 1, rows + 2).round().astype(int)[1:-1]
        yield f"rows {rows}", DeadRows(tuple(dead.tolist()))


def fail(task: Task, batch: slice, shown: Shown) -> None:
    """Restore digits under each fault, and note what is shown."""
    spec, states = task.machine.spec, task.encoded(batch)
    for name, fault in faults(spec.channels, spec.height, range(batch.start, batch.stop)):
        machine = FaultyMachine(task.skeleton, task.network, fault)
        restored = machine.run(states, spec.steps)
        shown.setdefault(name, []).append(machine.model.readout(restored))


def on_chip(task: Task) -> dict[str, Any] | None:
    """Put every fault into a chip's memory too; every code after every step must be equal."""
    if task.chip is None:
        return None
    chip = cast(MemoryDevice, task.chip(task.skeleton))
    chip.choose(0, gated=task.network is not None)
    states, spec = task.encoded(slice(0, ON_CHIP)), task.machine.spec
    every = list(faults(spec.channels, spec.height, range(len(states))))
    codes = 0
    with task.progress("faults on the chip", len(every)) as advance:
        for name, fault in every:
            found = run_faulty(chip, task.network, fault, states, spec.steps)
            machine = FaultyMachine(task.skeleton, task.network, fault)
            want = fault.strike(states, 0)
            for step, seen in enumerate(found, 1):
                want = machine.advance(want, step)
                if wrong := int(np.sum(seen != want)):
                    raise Difference(f"{name}, step {step}: {wrong} codes differ from golden")
                codes += want.size
            advance(1)
    return {"lattices": len(states), "faults": len(every), "codes_equal": codes}


def bars(results: dict[str, Any]) -> list[Bar]:
    """Return what damage may cost."""
    alone, lost = results["lost"]["0"], results["lost"]["0.3"]
    worst = max(alone[step]["digit_id"] - lost[step]["digit_id"] for step in lost)
    name = "30 % of cells lost after any of ten steps: fewer read right, at worst"
    # What the idea behind all this lost with as many cells.
    return [at_most(name, worst, 8, " points")]
