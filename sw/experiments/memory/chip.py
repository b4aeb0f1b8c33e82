"""A sample of every experiment on a chip: the same lattices, the same steps, every code equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from golden.compare import require_equal
from golden.device import batches, run
from golden.machine import follow
from sw.experiments.memory.starts import zero_cells
from sw.experiments.memory.task import Task

__all__ = ["compare"]


def compare(
    task: Task,
    states: np.ndarray,
    looks: Sequence[int],
    strikes: dict[int, np.ndarray] | None = None,
) -> dict[str, Any] | None:
    """Run lattices from step 0 on the task's chip and here, and hold every code equal.

    Parameters
    ----------
    task
        Opens the chip; without one there is nothing to compare and None comes back.
    states
        Lattices after step 0.
    looks
        Steps, ascending, after which all codes of all lattices are compared.
    strikes
        Cells lost after some steps, bool (n, cells).

    Returns
    -------
    dict or None
        How many lattices, steps and codes were compared.

    Raises
    ------
    Difference
        Says where the first code differs.
    """
    if task.chip is None:
        return None
    chip, strikes = task.chip(task.skeleton), strikes or {}
    stops = sorted({*looks, *strikes})
    codes = 0
    with task.progress("on the chip", len(states)) as advance:
        for batch in batches(len(states), chip.contexts):
            chip.load_states(states[batch], 0)
            want, now = states[batch], 0
            for stop in stops:
                run(chip, task.network, stop - now)
                *_, (_, want) = follow(task.machine, want, now, [stop])
                if stop in strikes:
                    chip.zero_cells(strikes[stop][batch])
                    want = zero_cells(want, strikes[stop][batch])
                place = f"lattice {{}}, step {stop}"
                codes += require_equal(chip.read_states(), want, place, first=batch.start)
                now = stop
            advance(batch.stop - batch.start)
    return {"lattices": len(states), "steps": stops[-1], "codes_equal": codes}
