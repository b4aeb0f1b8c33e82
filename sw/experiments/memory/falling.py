"""Falling: what lattices show on their way, from blanked digits and from noise."""

from __future__ import annotations

import numpy as np

from golden.machine import follow
from sw.data.damage import blank
from sw.experiments.memory.chip import compare
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.falling_figure import draw
from sw.experiments.memory.starts import noise
from sw.experiments.memory.tables import chip_line
from sw.experiments.memory.task import Outcome, Results, Task
from sw.report.docs import table

__all__ = ["EXPERIMENT", "LOOKS", "measure", "tabulate"]

LOOKS = (*range(31), 35, 40, 50, 60, 80, 100, 150, 200)
"""Steps at which lattices are looked at."""

FALLS = 6
"""Digits and noise starts that are shown."""


def measure(task: Task) -> Outcome:
    """Let a few digits and a few noise starts fall, here and on the chip."""
    given = blank(task.digits.images[:FALLS], range(min(FALLS, len(task.digits.images))))
    starts = {
        "digits": task.machine.model.encode(given),
        "noise": noise(task.machine.spec, FALLS, task.seed),
    }
    arrays, read, same = {"given": given, "originals": task.digits.images[:FALLS]}, {}, {}
    arrays["steps"] = np.array(LOOKS)
    for name, states in starts.items():
        seen = follow(task.machine, states, 0, LOOKS)
        frames = [task.machine.model.readout(now) for _, now in seen]
        arrays[name] = np.stack(frames)
        read[name] = task.referee.read(frames[-1])[0].tolist()
        same[name] = compare(task, states[:2], [step for step in LOOKS if step <= 30])
    results = {"steps": LOOKS[-1], "read": read, "chip": same}
    return Outcome(results, arrays)


def tabulate(results: Results) -> str:
    """Return what the falls were read as."""
    rows = [(name, " ".join(map(str, read))) for name, read in results["read"].items()]
    chips = [chip for chip in results["chip"].values() if chip is not None]
    codes = {"codes_equal": sum(chip["codes_equal"] for chip in chips)} if chips else None
    return table(("fallen from", f"read at step {results['steps']}"), rows) + chip_line(codes)


EXPERIMENT = Experiment(
    name="falling",
    version=1,
    measure=measure,
    tabulate=tabulate,
    draw=draw,
)
