"""Valleys: where lattices of pure noise come to lie, and what it takes to drive them out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from golden.machine import follow
from sw.data.noise import KINDS
from sw.experiments.memory.attractors import Falls, fall
from sw.experiments.memory.chip import compare
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.spread import apart, entropy
from sw.experiments.memory.starts import choose_lost_cells, disturb, noise, zero_cells
from sw.experiments.memory.tables import chip_line
from sw.experiments.memory.task import Bar, Outcome, Results, Task, at_least, at_most, percent
from sw.experiments.memory.valleys_figure import draw
from sw.report.docs import table

__all__ = ["EXPERIMENT", "bars", "measure", "tabulate"]

LIMIT = 1000
"""Step by which a cycle has to close."""

EARLY, LATE = 200, 400
"""Steps after which the referee reads."""

SURE = 0.9
LONGEST = 64
"""Confidence of a reading, and length of a cycle, that count."""

SHAKES = (2, 4, 8, 16, 32, 64)
"""Deviations, in codes, of noise added to every code of the lattices after step `EARLY`."""

SHARE = 0.3
ON_CHIP, TOUCH = len(KINDS), 60
"""Starts that fall on a chip too, and the step up to which."""

SHAKEN = 1000
"""Starts, at most, that are shaken and struck."""


def measure(task: Task) -> Outcome:
    """Let noise fall, decide where each start ends, and shake and strike what lies there."""
    starts = noise(task.machine.spec, task.noise, task.seed)
    with task.progress("noise falling", task.noise) as advance:
        falls = fall(task.machine, starts, limit=LIMIT, looks=(EARLY, LATE), progress=advance)
    shown = {step: task.machine.model.readout(states) for step, states in falls.seen.items()}
    (early, sure), (late, _) = (task.referee.read(shown[step]) for step in (EARLY, LATE))
    results = {
        "starts": task.noise,
        "seed": task.seed,
        **fall_numbers(falls),
        "sure": percent(sure >= SURE),
        "sure_and_same_later": percent((sure >= SURE) & (early == late)),
        "second": read_twice(task, shown[EARLY], early),
        "digits": np.bincount(early, minlength=10).tolist(),
        "entropy_bits": round(entropy(np.bincount(early, minlength=10)), 3),
        "by_kind": {
            kind: np.bincount(early[i :: len(KINDS)], minlength=10).tolist()
            for i, kind in enumerate(KINDS)
        },
        "attractors": attractors(task, falls),
        "shaken": shaken(task, falls.seen[EARLY][:SHAKEN], early[:SHAKEN]),
        "chip": compare(task, starts[:ON_CHIP], (1, 10, TOUCH)),
    }
    return Outcome(results, {"shown": shown[EARLY], "read": early, "sure": sure})


def read_twice(task: Task, shown: np.ndarray, digits: np.ndarray) -> dict[str, Any]:
    """Return how many starts a second referee reads as the same digits, all and of each digit."""
    read, sure = task.second_referee.read(shown)
    agrees = (read == digits) & (sure >= SURE)
    groups = [agrees[digits == digit] for digit in range(10)]
    return {
        "agrees": percent(agrees),
        "by_digit": [percent(group) if len(group) else None for group in groups],
    }


def fall_numbers(falls: Falls) -> dict[str, Any]:
    """Return how many starts come to rest or cycle, and when."""
    found = falls.period > 0
    periods = falls.period[found & ~falls.rest]
    values, counts = np.unique(periods, return_counts=True)
    entries = falls.entry[found]
    return {
        "by_step": LIMIT,
        "at_rest": percent(falls.rest),
        "in_cycles": percent(found & ~falls.rest),
        "settled": percent(falls.rest | (found & (falls.period <= LONGEST))),
        "periods": {str(value): int(n) for value, n in zip(values, counts, strict=True)},
        "entry_quartiles": np.quantile(entries, (0.25, 0.5, 0.75)).tolist() if len(entries) else [],
        "last_entry": int(entries.max(initial=-1)),
    }


def attractors(task: Task, falls: Falls) -> dict[str, Any]:
    """Return the distinct cycles: how many, whose digits, how large their basins, how far apart."""
    keys, first, basins = np.unique(np.array(falls.keys), return_index=True, return_counts=True)
    named = keys != ""
    first, basins = first[named], basins[named]
    ends = falls.ends[first]
    digits, _ = task.referee.read(task.machine.model.readout(ends))
    return {
        "distinct": len(first),
        "by_digit": np.bincount(digits, minlength=10).tolist(),
        "largest_basins": np.sort(basins)[::-1][:10].tolist(),
        "in_lattice_codes": apart(ends, digits),
        "in_pixels": apart(task.machine.model.readout(ends), digits),
    }


def shaken(task: Task, states: np.ndarray, digits: np.ndarray) -> dict[str, Any]:
    """Disturb lattices after step `EARLY`, run on to `LATE`, and count which digits they show."""
    machine = task.machine
    lost = choose_lost_cells(machine.spec, range(len(states)), EARLY, SHARE)
    trials = {"cells lost": zero_cells(states, lost)}
    trials |= {f"noise {sigma}": disturb(states, sigma, task.seed) for sigma in SHAKES}
    moves = {}
    with task.progress("shaking valleys", len(trials)) as advance:
        for name, disturbed in trials.items():
            *_, (_, later) = follow(machine, disturbed, EARLY, [LATE])
            read, _ = task.referee.read(machine.model.readout(later))
            table = np.zeros((10, 10), int)
            np.add.at(table, (digits, read), 1)
            moves[name] = {"returned": percent(digits == read), "from_to": table.tolist()}
            advance(1)
    return {"starts": len(states), "share_of_cells": SHARE, "moves": moves}


def bars(results: Results) -> list[Bar]:
    """Return what ten valleys have to reach."""
    counts = np.array(results["digits"])
    largest = 100 * counts.max() / counts.sum()
    later = f"read with confidence {SURE} at step {EARLY}, the same digit at {LATE}"
    back = results["shaken"]["moves"]["cells lost"]["returned"]
    alike = [share for share in results["second"]["by_digit"] if share is not None]
    twice = f"read by a second referee as the same digit, with confidence {SURE}"
    return [
        at_least(f"at rest or in a cycle of at most {LONGEST}", results["settled"], 95, " %"),
        at_least(later, results["sure_and_same_later"], 96, " %"),
        at_least(twice, results["second"]["agrees"], 96, " %"),
        at_least("the same, of the digit with fewest", min(alike), 90, " %"),
        at_least("digits reached", int(np.sum(counts > 0)), 10),
        at_most("starts that fall to the most frequent digit", largest, 25, " %"),
        at_least("back to their group after losing 30 % of cells", back, 95, " %"),
    ]


def tabulate(results: Results) -> str:
    """Return where noise falls, what lies there, and what drives it out."""
    digits = table(
        ("digit", *map(str, range(10))),
        [
            ("starts", *results["digits"]),
            ("attractors", *results["attractors"]["by_digit"]),
            (
                "read alike by two referees",
                *("" if s is None else f"{s:.1f} %" for s in results["second"]["by_digit"]),
            ),
        ],
    )
    moves = results["shaken"]["moves"]
    disturbed = table(
        ("then", *moves),
        [("same digit later", *(f"{m['returned']:.1f} %" for m in moves.values()))],
    )
    told = (digits, table(("noise", ""), noise_rows(results)), disturbed)
    return "\n".join(told) + chip_line(results["chip"])


def noise_rows(results: Results) -> list[tuple[str, Any]]:
    """Return the rows of the table on where noise falls and what lies there."""
    most, last = math.log2(len(results["digits"])), results["last_entry"]
    ends, pixels = results["attractors"], results["attractors"]["in_pixels"]
    return [
        (f"exactly at rest by step {results['by_step']:,}", f"{results['at_rest']:.2f} %"),
        ("in a cycle by then", f"{results['in_cycles']:.2f} %"),
        ("last step at which one was entered", last if last >= 0 else "none"),
        (
            f"read with confidence, and the same {LATE - EARLY} steps on",
            f"{results['sure_and_same_later']} %",
        ),
        ("entropy over the ten digits", f"{results['entropy_bits']:.2f} bits, at most {most:.2f}"),
        ("distinct attractors", f"{ends['distinct']:,}"),
        ("starts in the largest basins", ", ".join(map(str, ends["largest_basins"][:5]))),
        (
            "distance of what they show, same digit and others",
            f"{pixels['within']} and {pixels['between']} pixel codes",
        ),
        ("silhouette of what they show", pixels["silhouette"]),
        ("silhouette of their lattices", ends["in_lattice_codes"]["silhouette"]),
    ]


EXPERIMENT = Experiment(
    name="valleys",
    version=2,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
)
