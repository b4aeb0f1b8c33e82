"""Running experiments: each outcome is kept under the digest of what decides it, and drawn."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import read_json, reading, remove, replacement, write_json
from sw.experiments.kept import read_kept
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.task import Arrays, Outcome, Task
from sw.runs.writable import require_writable

__all__ = ["REPORT", "keeper", "remove_pictures", "run"]

REPORT = "memory.json"
PICTURE = re.compile(r"[a-z][a-z0-9-]*\.(png|gif)")
"""Names of pictures: none leads out of its folder."""


def run(
    task: Task,
    experiments: Sequence[Experiment],
    folder: Path,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run the experiments, or take them from where they are kept, and draw their figures.

    Writes the pictures and, last, ``memory.json`` to ``folder``, and returns what is in the JSON.
    Pictures that an earlier run left there, and this one did not draw, are removed.
    """
    require_writable(folder / REPORT, folder / "kept" / REPORT)
    outcomes = [(each, outcome_of(task, each, folder / "kept", say)) for each in experiments]
    pictures = []
    for each, outcome in outcomes:
        for picture in each.draw(outcome, folder):
            pictures.append(picture.name)
            say(f"wrote {picture}")
    results = {
        "skeleton": task.skeleton.name,
        "skeleton_digest": task.skeleton.digest,
        "gated": task.network is not None,
        "experiments": {each.name: outcome.results for each, outcome in outcomes},
        "bars": {
            each.name: [bar._asdict() for bar in each.bars(outcome.results)]
            for each, outcome in outcomes
        },
        "pictures": pictures,
    }
    remove_pictures(folder, folder / REPORT, pictures)
    write_json(folder / REPORT, results)
    return results


def remove_pictures(folder: Path, report: Path, staying: Collection[str]) -> None:
    """Remove the pictures in ``folder`` that an earlier report lists, but those that stay."""
    try:
        listed = read_json(report)["pictures"]
        gone = [name for name in listed if PICTURE.fullmatch(name) and name not in staying]
    except (InputError, LookupError, TypeError):  # no report, or none of ours
        return
    for name in gone:
        remove(folder / name)


def outcome_of(
    task: Task, experiment: Experiment, kept: Path, say: Callable[[str], None]
) -> Outcome:
    """Return an experiment's outcome, kept from an earlier run where nothing has changed since."""
    name = experiment.name
    place = kept / f"{name}-{experiment.key(task)}"
    found = outcome_at(place)
    if found is not None:
        say(f"{name}: kept from an earlier run")
        return found
    say(f"{name} ...")
    outcome = experiment.measure(replace(task, keep=keeper(place)))
    write_arrays(place.with_suffix(".npz"), outcome.arrays)
    write_json(place.with_suffix(".json"), outcome.results)
    shutil.rmtree(place, ignore_errors=True)
    return outcome


def outcome_at(place: Path) -> Outcome | None:
    """Return what is kept at ``place``; None where it is not there, or not whole."""
    results, arrays = read_kept(place.with_suffix(".json")), arrays_at(place.with_suffix(".npz"))
    return None if results is None or arrays is None else Outcome(results, arrays)


def arrays_at(path: Path) -> Arrays | None:
    """Return the arrays in a file; None where it is not there, or not whole."""
    try:
        with reading(path, "arrays"), path.open("rb") as file, np.load(file) as found:
            return {name: found[name] for name in found.files}
    except InputError:
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to a file, whole or not at all."""
    with replacement(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]


def keeper(folder: Path) -> Callable[[str, Callable[[], Arrays]], Arrays]:
    """Return a function that keeps parts of an experiment in ``folder``, each under a key."""

    def keep(key: str, make: Callable[[], Arrays]) -> Arrays:
        part = folder / f"{key}.npz"
        found = arrays_at(part)
        if found is None:
            found = make()
            write_arrays(part, found)
        return found

    return keep
