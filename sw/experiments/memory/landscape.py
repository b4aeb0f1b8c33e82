"""Landscape: the hills of the rule and the gullies of its gate, seen as energies of lattices."""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.fixed import STATE
from golden.machine import Machine, follow
from sw.experiments.memory.chip import compare
from sw.experiments.memory.energy import Plane, energy, field_numbers, plane_through
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.landscape_figure import draw
from sw.experiments.memory.tables import chip_line
from sw.experiments.memory.task import Bar, Outcome, Results, Task, at_least, percent
from sw.report.docs import table

__all__ = ["EXPERIMENT", "bars", "measure", "tabulate"]

DIGITS = 200
"""Digits whose ends span the plane."""

HELD = 200
"""Step after which they count as ends."""

GRID, MARGIN = 31, 1.25
"""Points of the map each way, and how far it goes beyond the outermost end."""

STEPS = 60
"""Steps that a point falls; its count goes on from `HELD`, so that the gate is open."""

PATH = 41
"""Points of a path between two digits."""

ON_CHIP = 4
SURE = 0.9


def measure(task: Task) -> Outcome:
    """Map the energies around digits and between them, with the gate and without."""
    machines = {"rule": Machine(task.skeleton, None), "rule and gate": task.machine}
    count = min(DIGITS, len(task.digits.images))
    *_, (_, ends) = follow(task.machine, task.encoded(slice(0, count)), 0, [HELD])
    read, sure = task.referee.read(task.machine.model.readout(ends))
    plane = plane_through(ends)
    axes = [MARGIN * np.abs(plane.places[:, i]).max() * np.linspace(-1, 1, GRID) for i in (0, 1)]
    walk = between(ends, read, sure)
    arrays = {"places": plane.places, "read": read, "x": axes[0], "y": axes[1]}
    maps, paths = {}, {}
    with task.progress("landscape", 2 * len(machines)) as advance:
        for name, machine in machines.items():
            maps[name], fields = map_of(task, machine, plane.lattices(*axes))
            advance(1)
            paths[name], profiles = path_numbers(task, machine, walk)
            advance(1)
            arrays |= {f"{name}: {kind}": field for kind, field in (fields | profiles).items()}
    results = {
        "digits": count,
        "grid": GRID,
        "variance_on_the_plane": explained_share(ends, plane),
        "maps": maps,
        "paths": paths,
        "chip": compare(task, plane.lattices(*axes)[:: GRID * GRID // ON_CHIP], (1, 10, STEPS)),
    }
    return Outcome(results, arrays)


def explained_share(ends: np.ndarray, plane: Plane) -> float:
    """Return the share of the ends' variance that lies on the plane, in %."""
    total = np.sum((ends.astype(np.float64) - plane.centre) ** 2)
    return round(float(100 * np.sum(plane.places**2) / total), 2)


def map_of(
    task: Task, machine: Machine, lattices: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a map's numbers and its fields, (y, x)."""
    found = energy(machine, lattices, HELD, STEPS)
    digits, sure = task.referee.read(machine.model.readout(found.ends))
    fields = {"to end": found.to_end, "motion": found.motion, "digit": digits, "sure": sure}
    fields = {kind: field.reshape(GRID, GRID) for kind, field in fields.items()}
    numbers = {
        "to_end": field_numbers(fields["to end"]),
        "motion": field_numbers(fields["motion"]),
        "read_surely": percent(sure >= SURE),
        "digits_read_surely": len(np.unique(digits[sure >= SURE])),
    }
    return numbers, fields


def between(ends: np.ndarray, read: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Return straight paths from an end of each digit to one of the next.

    The one that is read most surely: some other may look like no digit at all. Int8 (paths, points,
    channels, height, width), to the nearest code.
    """
    best = [ends[np.argmax(np.where(read == digit, sure, -1))] for digit in np.unique(read)]
    share = np.linspace(0, 1, PATH)[:, None, None, None]
    paths = [
        (1 - share) * start + share * end
        for start, end in zip(best, best[1:] + best[:1], strict=True)
    ]
    return STATE.clamp(np.rint(np.stack(paths))).astype(np.int8)


def path_numbers(
    task: Task, machine: Machine, walk: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the numbers of the paths, and their energies (paths, points)."""
    count = len(walk)
    found = energy(machine, walk.reshape(-1, *walk.shape[2:]), HELD, STEPS)
    digits, sure = task.referee.read(machine.model.readout(found.ends))
    digits, sure, to_end, motion = (
        field.reshape(count, PATH) for field in (digits, sure, found.to_end, found.motion)
    )
    ends = np.maximum(motion[:, 0], motion[:, -1])
    numbers = {
        "paths": count,
        # One change is a clean watershed between two valleys.
        "changes_of_digit": round(float(np.mean(np.sum(digits[:, 1:] != digits[:, :-1], 1))), 2),
        "keep_both_ends": percent(
            (digits[:, 0] != digits[:, -1]) & (sure[:, [0, -1]] >= SURE).all(1)
        ),
        "barrier_to_end": round(float(np.mean(to_end.max(axis=1))), 3),
        "barrier_motion": round(float(np.mean(motion.max(axis=1) - ends)), 3),
    }
    return numbers, {"path to end": to_end, "path motion": motion, "path digit": digits}


def bars(results: Results) -> list[Bar]:
    """Return what the landscape must show: two valleys at the ends of a path."""
    found = results["paths"]["rule and gate"]["keep_both_ends"]
    return [at_least("paths between digits that fall to both of them", found, 90, " %")]


def tabulate(results: Results) -> str:
    """Return the numbers of maps and paths, rule and rule with gate."""
    names = list(results["maps"])
    maps, paths = results["maps"].values(), results["paths"].values()
    rows = [
        ("distance to the end, mean over the map", *(m["to_end"]["mean"] for m in maps)),
        ("minima of that distance", *(m["to_end"]["minima"] for m in maps)),
        ("grid points over which it stays like itself", *(m["to_end"]["reach"] for m in maps)),
        ("motion in a step, mean over the map", *(m["motion"]["mean"] for m in maps)),
        ("minima of that motion", *(m["motion"]["minima"] for m in maps)),
        ("points that fall to a sure digit", *(f"{m['read_surely']} %" for m in maps)),
        ("digits among them", *(m["digits_read_surely"] for m in maps)),
        ("paths that fall to both their digits", *(f"{p['keep_both_ends']} %" for p in paths)),
        ("changes of digit along a path", *(p["changes_of_digit"] for p in paths)),
        ("barrier on a path, in motion", *(p["barrier_motion"] for p in paths)),
    ]
    return table(("energies in codes", *names), rows) + chip_line(results["chip"])


EXPERIMENT = Experiment(
    name="landscape",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
    needs_gate=True,
)
