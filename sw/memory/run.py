"""Running experiments: each kept under the digest of all that it depends on, with its figures."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import golden
from golden.errors import InputError
from golden.files import replacing, write_json
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.memory.task import Arrays, Outcome, Task
from sw.outputs import prepare

__all__ = ["EXPERIMENTS", "chosen", "known", "run"]

EXPERIMENTS = (
    "falling",
    "holding",
    "valleys",
    "landscape",
    "saliency",
    "damage",
    "letters",
    "compute",
)
"""In the order of the page; each is a module of this package, and NAME_figure draws it."""

NEED_GATE = ("landscape", "saliency", "letters", "compute")
HERE = Path(__file__).parent


def known(names: list[str]) -> list[str]:
    """Return the experiments of these names, all of them where there are none; raise if unknown."""
    for name in names:
        if name not in EXPERIMENTS:
            raise InputError(f"Experiment must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    return [name for name in EXPERIMENTS if name in names or not names]


def chosen(
    names: list[str],
    skeleton: Skeleton,
    network: GateNetwork | None,
    lacking: str | None,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Return the experiments to run: those of these names, or all that there is something for.

    Parameters
    ----------
    names
        What was asked for; nothing is all.
    skeleton, network
        What they are to look at; some need the network of a gate.
    lacking
        Why there are no letters to measure, or None where there are.
    say
        Told what is left out.

    Raises
    ------
    InputError
        Where an experiment is unknown, lacks its gate, or was asked for without letters.
    """
    found = []
    for name in known(names):
        if name in NEED_GATE and network is None:
            raise InputError(
                f"Experiment {name} must have a skeleton with a gate; {skeleton.name} runs without"
            )
        if name == "letters" and lacking is not None:
            if names:
                raise InputError(f"Experiment letters must have letters and gates: {lacking}")
            say(f"letters: left out, {lacking}")
            continue
        found.append(name)
    return found


def run(
    task: Task, names: list[str], folder: Path, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Run the experiments, or take them from where they are kept, and draw their figures.

    Writes ``memory.json`` and the pictures to ``folder``, and returns what is in the JSON.
    """
    prepare(folder)
    outcomes, pictures = {}, []
    for name in names:
        outcomes[name] = measured(task, name, folder / "kept", say)
        for picture in import_module(f"sw.memory.{name}_figure").draw(outcomes[name], folder):
            pictures.append(picture.name)
            say(f"wrote {picture}")
    experiments = {name: outcome.results for name, outcome in outcomes.items()}
    results = {
        "skeleton": task.skeleton.name,
        "skeleton_digest": task.skeleton.digest,
        "gated": task.network is not None,
        "experiments": experiments,
        "bars": {
            name: [bar._asdict() for bar in import_module(f"sw.memory.{name}").bars(results)]
            for name, results in experiments.items()
        },
        "pictures": pictures,
    }
    write_json(folder / "memory.json", results)
    return results


def measured(task: Task, name: str, kept: Path, say: Callable[[str], None]) -> Outcome:
    """Return an experiment's outcome, kept from an earlier run where nothing has changed since."""
    place = kept / f"{name}-{fingerprint(task, name)}"
    results, arrays = place.with_suffix(".json"), place.with_suffix(".npz")
    if results.is_file():
        say(f"{name}: kept from an earlier run")
        with np.load(arrays) as found:
            return Outcome(json.loads(results.read_text(encoding="utf-8")), dict(found))
    say(f"{name} ...")
    outcome = import_module(f"sw.memory.{name}").measure(replace(task, keep=keeper(place)))
    with replacing(arrays) as path:
        np.savez_compressed(path, **outcome.arrays)
    write_json(results, outcome.results)  # last: where it lies, both are whole
    shutil.rmtree(place, ignore_errors=True)
    return outcome


def keeper(folder: Path) -> Callable[[str, Callable[[], Arrays]], Arrays]:
    """Return a function that keeps parts of an experiment in ``folder``, each under a key."""

    def keep(key: str, make: Callable[[], Arrays]) -> Arrays:
        part = folder / f"{key}.npz"
        if not part.is_file():
            made = make()
            with replacing(part) as path:
                np.savez_compressed(path, **made)  # type: ignore[arg-type]
        with np.load(part) as found:
            return dict(found)

    return keep


def fingerprint(task: Task, name: str) -> str:
    """Return a digest of what decides an outcome: numbers, digits, amounts and the code itself."""
    sha = hashlib.sha256()
    told = [name, task.skeleton.digest, task.skeleton.spec.to_json(), task.noise, task.seed]
    told += [task.digits.rows, task.chip is not None, task.toggles is not None]
    sha.update(json.dumps(told).encode())
    arrays = [task.digits.images, task.digits.labels]
    networks = [] if task.network is None else [task.network]
    if name == "letters" and task.letters is not None:
        arrays += [task.letters.images]
        networks += task.gates.values()
    for network in networks:
        for layer in (network.hidden, network.output):
            arrays += [layer.weight, layer.bias, layer.shift]
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    experiments = {HERE / f"{other}.py" for other in EXPERIMENTS} - {HERE / f"{name}.py"}
    showing = {HERE / f"{other}.py" for other in ("drawing", "page", "run", "supply", "tables")}
    shared = {*HERE.glob("*.py")} - {*HERE.glob("*_figure.py")} - experiments - showing
    besides = getattr(import_module(f"sw.memory.{name}"), "BESIDES", ())
    for path in (*sorted({*shared, *Path(golden.__file__).parent.glob("*.py")}), *besides):
        sha.update(path.read_bytes() if path.is_file() else b"")
    return sha.hexdigest()[:16]
