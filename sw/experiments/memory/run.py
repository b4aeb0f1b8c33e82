"""Running experiments: each kept under the digest of all that it depends on, with its figures."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import golden
from golden.errors import InputError
from golden.files import ROOT, is_file, read_json, reading, remove, replacement, write_json
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.experiments.memory.task import Arrays, Outcome, Task
from sw.judge import referee
from sw.runs.writable import require_writable

__all__ = ["EXPERIMENTS", "choose_experiments", "known", "run"]

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

SHOWING = ("drawing", "page", "run", "supply", "tables")
"""Modules of this package that show outcomes and decide none."""

CHIP = ("hw", "sim")
"""Folders of what a chip is made from."""

JUDGES = (
    *(
        ROOT / "sw" / name
        for name in (
            "data/damage.py",
            "data/noise.py",
            "data/protocol.py",
            "judge/evaluate.py",
            "judge/metrics.py",
            "runs/loading.py",
        )
    ),
    Path(referee.__file__),
    referee.WEIGHTS,
)
"""What digits are damaged and judged by."""

REPORT = "memory.json"
PICTURE = re.compile(r"[a-z][a-z0-9-]*\.(png|gif)")
"""Names of pictures: none leads out of its folder."""


def known(names: list[str]) -> list[str]:
    """Return the experiments of these names, all of them where there are none; raise if unknown."""
    for name in names:
        if name not in EXPERIMENTS:
            raise InputError(f"Experiment must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    return [name for name in EXPERIMENTS if name in names or not names]


def choose_experiments(
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

    Writes the pictures and, last, ``memory.json`` to ``folder``, and returns what is in the JSON.
    Pictures that an earlier run left there, and this one did not draw, are removed.
    """
    require_writable(folder / REPORT, folder / "kept" / REPORT)
    outcomes = {name: outcome_of(task, name, folder / "kept", say) for name in names}
    pictures = []
    for name, outcome in outcomes.items():
        for picture in import_module(f"sw.experiments.memory.{name}_figure").draw(outcome, folder):
            pictures.append(picture.name)
            say(f"wrote {picture}")
    experiments = {name: outcome.results for name, outcome in outcomes.items()}
    results = {
        "skeleton": task.skeleton.name,
        "skeleton_digest": task.skeleton.digest,
        "gated": task.network is not None,
        "experiments": experiments,
        "bars": {
            name: [
                bar._asdict()
                for bar in import_module(f"sw.experiments.memory.{name}").bars(results)
            ]
            for name, results in experiments.items()
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


def outcome_of(task: Task, name: str, kept: Path, say: Callable[[str], None]) -> Outcome:
    """Return an experiment's outcome, kept from an earlier run where nothing has changed since."""
    place = kept / f"{name}-{fingerprint(task, name)}"
    found = outcome_at(place)
    if found is not None:
        say(f"{name}: kept from an earlier run")
        return found
    say(f"{name} ...")
    outcome = import_module(f"sw.experiments.memory.{name}").measure(
        replace(task, keep=keeper(place))
    )
    with replacement(place.with_suffix(".npz")) as path:
        np.savez_compressed(path, **outcome.arrays)
    write_json(place.with_suffix(".json"), outcome.results)
    shutil.rmtree(place, ignore_errors=True)
    return outcome


def outcome_at(place: Path) -> Outcome | None:
    """Return what is kept at ``place``; None where it is not there, or not whole."""
    try:
        results = read_json(place.with_suffix(".json"))
    except InputError:
        return None
    arrays = arrays_at(place.with_suffix(".npz"))
    return Outcome(results, arrays) if isinstance(results, dict) and arrays is not None else None


def arrays_at(path: Path) -> Arrays | None:
    """Return the arrays in a file; None where it is not there, or not whole."""
    try:
        with reading(path, "arrays"), path.open("rb") as file, np.load(file) as found:
            return {name: found[name] for name in found.files}
    except InputError:
        return None


def keeper(folder: Path) -> Callable[[str, Callable[[], Arrays]], Arrays]:
    """Return a function that keeps parts of an experiment in ``folder``, each under a key."""

    def keep(key: str, make: Callable[[], Arrays]) -> Arrays:
        part = folder / f"{key}.npz"
        found = arrays_at(part)
        if found is None:
            found = make()
            with replacement(part) as path:
                np.savez_compressed(path, **found)  # type: ignore[arg-type]
        return found

    return keep


def fingerprint(task: Task, name: str) -> str:
    """Return a digest of what decides an outcome: numbers, digits, amounts and the code itself."""
    told = [name, task.skeleton.digest, task.skeleton.spec.to_json(), task.noise, task.seed]
    told += [task.digits.rows, task.chip is not None, task.toggles is not None]
    arrays = [task.digits.images, task.digits.labels]
    networks = [] if task.network is None else [task.network]
    if name == "letters" and task.letters is not None:
        told += [task.letters.rows, list(task.gates)]
        arrays += [task.letters.images, task.letters.labels]
        networks += task.gates.values()
    for network in networks:
        for layer in (network.hidden, network.output):
            arrays += [layer.weight, layer.bias, layer.shift]
    sha = hashlib.sha256(json.dumps(told).encode())
    for array in arrays:
        sha.update(repr((array.dtype.str, array.shape)).encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    for path in sources(task, name):
        sha.update(hashlib.sha256(deciding(path)).digest())
    return sha.hexdigest()[:16]


def deciding(path: Path) -> bytes:
    """Return what of a file decides an outcome: of Python the code, no comments and docstrings.

    Weights that come with some checkouts only are known to be missing; code must be there.
    """
    if path.suffix != ".py":
        return path.read_bytes() if is_file(path) else b"none"
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):  # a text that stands alone, behind a name as well
            node.body = [each for each in body if not is_text(each)]  # type: ignore[attr-defined]
    return ast.dump(tree).encode()


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is a text and nothing else."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def sources(task: Task, name: str) -> list[Path]:
    """Return the files that decide an outcome, each time in the same order."""
    others = [other for other in EXPERIMENTS if other != name]
    apart = {f"{other}.py" for other in (*others, *SHOWING)}
    ours = [path for path in sorted(HERE.glob("*.py")) if not path.stem.endswith("_figure")]
    found = [path for path in ours if path.name not in apart]
    found += [*sorted(Path(golden.__file__).parent.glob("*.py")), *JUDGES]
    found += getattr(import_module(f"sw.experiments.memory.{name}"), "BESIDES", ())
    if task.chip is not None or task.toggles is not None:
        found += [
            path
            for part in CHIP
            for path in sorted((ROOT / part).rglob("*.[pch]*"))
            if path.suffix in (".py", ".cpp", ".h")
        ]
    return found
