"""Running experiments: each kept under the digest of all that it depends on, with its figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import golden
from golden.errors import InputError
from golden.files import replacing
from sw.memory.task import Bar, Outcome, Task
from sw.outputs import prepare, write_json

__all__ = ["EXPERIMENTS", "bars_of", "chosen", "run"]

EXPERIMENTS = ("falling", "holding", "valleys", "landscape", "saliency", "damage", "compute")
"""In the order of the page; each is a module of this package, and NAME_figure draws it."""

NEED_GATE = ("landscape", "saliency", "compute")
HERE = Path(__file__).parent


def chosen(names: Iterable[str]) -> list[str]:
    """Return the experiments of these names, all of them where there are none; raise if unknown."""
    wanted = list(names)
    for name in wanted:
        if name not in EXPERIMENTS:
            raise InputError(f"Experiment must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    return [name for name in EXPERIMENTS if name in wanted or not wanted]


def run(
    task: Task, names: list[str], folder: Path, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Run the experiments, or take them from where they are kept, and draw their figures.

    Writes ``memory.json`` and the pictures to ``folder``, and returns what is in the JSON.
    """
    for name in names:
        if name in NEED_GATE:
            task.gated(name)
    prepare(folder)
    outcomes = {}
    for name in names:
        outcomes[name] = measured(task, name, folder / "kept", say)
        for picture in import_module(f"sw.memory.{name}_figure").draw(outcomes[name], folder):
            say(f"wrote {picture}")
    experiments = {name: outcome.results for name, outcome in outcomes.items()}
    results: dict[str, Any] = {
        "skeleton": task.skeleton.name,
        "skeleton_digest": task.skeleton.digest,
        "gated": task.network is not None,
        "experiments": experiments,
        "bars": [bar._asdict() for bar in bars_of(experiments)],
    }
    write_json(folder / "memory.json", results)
    return results


def bars_of(experiments: Mapping[str, dict[str, Any]]) -> list[Bar]:
    """Return the bars of these experiments' results, in their order."""
    return [
        bar
        for name, results in experiments.items()
        for bar in import_module(f"sw.memory.{name}").bars(results)
    ]


def measured(task: Task, name: str, kept: Path, say: Callable[[str], None]) -> Outcome:
    """Return an experiment's outcome, kept from an earlier run where nothing has changed since."""
    place = kept / f"{name}-{fingerprint(task, name)}"
    results, arrays = place.with_suffix(".json"), place.with_suffix(".npz")
    if results.is_file():
        say(f"{name}: kept from an earlier run")
        with np.load(arrays) as found:
            return Outcome(json.loads(results.read_text(encoding="utf-8")), dict(found))
    outcome = import_module(f"sw.memory.{name}").measure(task)
    with replacing(arrays) as path:
        np.savez_compressed(path, **outcome.arrays)
    write_json(results, outcome.results)  # last: where it lies, both are whole
    return outcome


def fingerprint(task: Task, name: str) -> str:
    """Return a digest of what decides an outcome: numbers, digits, amounts and the code itself."""
    sha = hashlib.sha256()
    told = [name, task.skeleton.digest, task.skeleton.spec.to_json(), task.noise, task.seed]
    told += [task.digits.rows, task.chip is not None, task.toggles is not None]
    sha.update(json.dumps(told).encode())
    for array in (task.digits.images, task.digits.labels):
        sha.update(np.ascontiguousarray(array).tobytes())
    if task.network is not None:
        for layer in (task.network.hidden, task.network.output):
            for codes in (layer.weight, layer.bias, layer.shift):
                sha.update(np.ascontiguousarray(codes).tobytes())
    figures = set(HERE.glob("*_figure.py"))
    experiments = {HERE / f"{other}.py" for other in EXPERIMENTS} - {HERE / f"{name}.py"}
    shared = {*HERE.glob("*.py")} - figures - experiments - {Path(__file__)}
    for path in sorted({*shared, *Path(golden.__file__).parent.glob("*.py")}):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]
