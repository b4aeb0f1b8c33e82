"""Training and measuring the rows: each run once, kept under what decides its result."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

from golden.device import GoldenDevice
from golden.files import write_json
from sw.data.load import Digits
from sw.experiments.ablation.rows import BASE, ROWS, Row
from sw.experiments.kept import key_of, read_kept
from sw.experiments.table.automata import link_bytes
from sw.judge.evaluate import digits_to_judge, evaluate
from sw.model.baselines.shelf import weights_of
from sw.model.floats import FLOATS
from sw.runs.writable import require_writable
from sw.train.identity import identity
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.recipes import Restore
from sw.train.run import learn, prepare
from sw.train.ship import commit, machine

__all__ = ["Ablation"]

DIGITS = 2000
"""Test digits that a run is measured on, from the first on."""

RESULT = "result.json"

VERSION = 1
"""Raised by whoever changes how a run is trained or measured: kept runs are not used then."""


@dataclass(frozen=True)
class Ablation:
    """A table of rows, each trained with several seeds by an equal budget."""

    base: Options
    """What all rows have in common; its `output` takes the runs and the results."""
    digits: Digits
    rows: Sequence[Row] = ROWS

    @cached_property
    def digest(self) -> str:
        """Digest of the digits."""
        return self.digits.digest

    @property
    def path(self) -> Path:
        """Where the results go."""
        return self.base.output / "results.json"

    def run(self, rows: Sequence[Row], seeds: Sequence[int]) -> dict[str, Any]:
        """Train and measure what has not been yet, and write the results after each run.

        A run that was broken off goes on from its checkpoint. Returns what `results` does.
        """
        require_writable(self.path, self.base.output / "runs" / RESULT)
        able = []
        for row in rows:
            lack = row.lacks()
            if lack is None:
                able.append(row)
            else:
                say(f"{row.name}: left out, {lack}")
        runs = [(row, seed) for seed in seeds for row in able]
        for number, (row, seed) in enumerate(runs, 1):
            say(f"{row.name}, seed {seed}: run {number} of {len(runs)}")
            found = self.result(row, seed)
            say(f"{row.name}, seed {seed}: {found['psnr_mean']:.2f} dB")
            write_json(self.path, self.results())
        return self.results()

    def options(self, row: Row, seed: int) -> Options:
        """Return the options of a run, whose folder's name ends on a digest of all that decides."""
        options = row.options(self.base, seed)
        teacher = None if options.teacher is None else weights_of(options.teacher)
        key = key_of("ablation", VERSION, identity(options, self.digest), teacher)
        name = f"{row.name}-{seed}-{key[:12]}"
        return replace(options, output=self.base.output / "runs", name=name)

    def result(self, row: Row, seed: int) -> dict[str, Any]:
        """Return what a run came to, trained unless its result is kept."""
        options = self.options(row, seed)
        path = options.folder / RESULT
        kept = result_at(path)
        if kept is not None:
            return kept
        prepare(options)
        learner = learn(Restore(options, self.digits))
        found = {"row": row.name, "seed": seed} | measure(learner, self.digits)
        found |= {"options": options.trained_with(), "data": self.digest, "commit": commit()}
        write_json(path, found)
        for name in ("checkpoint.pt", FLOATS):  # tens of megabytes, and of no more use
            (options.folder / name).unlink(missing_ok=True)
        return found

    def results_of(self, row: Row) -> list[dict[str, Any]]:
        """Return what the row's runs of this budget came to, as many as are finished."""
        results = (result_at(self.options(row, seed).folder / RESULT) for seed in self.seeds(row))
        return [result for result in results if result is not None]

    def seeds(self, row: Row) -> list[int]:
        """Return the seeds of the row's finished runs, of other budgets too."""
        run = re.compile(re.escape(row.name) + r"-(\d+)-[0-9a-f]{12}")
        folders = (self.base.output / "runs").glob(f"*/{RESULT}")
        names = (run.fullmatch(path.parent.name) for path in folders)
        return sorted({int(name[1]) for name in names if name})

    def results(self) -> dict[str, Any]:
        """Return all rows of which a run is finished, as JSON: this call's and earlier ones'."""
        runs = {row.name: self.results_of(row) for row in self.rows if row.lacks() is None}
        base, stages = runs.get(BASE, []), self.base.stages()
        one = next((each[0] for each in runs.values() if each), {})
        return {
            "batches": stages["float"],
            "qat_batches": stages["qat"],
            "qat_rate": self.base.qat_rate,
            "batch": self.base.batch,
            "data": {"source": self.digits.source, "sha256": self.digest},
            "digits": {"rows": one.get("rows"), "images": one.get("images")},
            "machine": machine(),
            "rows": [
                summary(row, row.given(self.base), runs[row.name], base)
                for row in self.rows
                if runs.get(row.name)
            ],
        }


def result_at(path: Path) -> dict[str, Any] | None:
    """Return the result of a finished run; None where it is not there, or not whole."""
    found = read_kept(path)
    return found if found is not None and found.keys() >= {"row", "seed", "data"} else None


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(text, file=sys.stderr, flush=True)


def measure(learner: Learner, digits: Digits) -> dict[str, Any]:
    """Measure the integers of a finished run on golden, by the protocol."""
    skeleton, gate = learner.rule.weights(), learner.gate
    network = None if gate is None else gate.weights(skeleton.digest)
    found = evaluate(
        GoldenDevice((skeleton,)),
        network,
        digits_to_judge(digits, DIGITS),
        steps=skeleton.spec.steps,
    )
    plane_bits = {} if gate is None else {"plane_bits": gate.plane_bits}
    return {
        "psnr_mean": found["restored"]["psnr_mean"],
        "digit_id": found["restored"]["digit_id"],
        "rows": found["rows"],
        "images": found["images"],
        "link_bytes": link_bytes(skeleton.spec, **plane_bits),
        "seconds": round(learner.seconds, 1),
        "skeleton": skeleton.digest,
    }


def summary(
    row: Row,
    changes: dict[str, Any],
    runs: Sequence[dict[str, Any]],
    base: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return what a row's runs came to, and how far from the base's with the same seeds."""
    decibels = [run["psnr_mean"] for run in runs]
    base = [] if row.name == BASE else base
    return {
        "name": row.name,
        "says": row.says,
        "changes": changes,
        "psnr_mean": round(mean(decibels), 3),
        "psnr_spread": round(max(decibels) - min(decibels), 3),
        "psnr_to_base": to_base("psnr_mean", runs, base),
        "digit_id": round(mean(run["digit_id"] for run in runs), 2),
        "digit_id_to_base": to_base("digit_id", runs, base),
        "link_bytes": runs[0]["link_bytes"],
        "seconds": round(mean(run["seconds"] for run in runs), 1),
        "runs": [
            {key: run[key] for key in ("seed", "psnr_mean", "digit_id", "seconds", "commit")}
            for run in runs
        ],
    }


def to_base(
    key: str, runs: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]]
) -> float | None:
    """Return the mean difference to the base, seed by seed; None where no seed is common."""
    others = {run["seed"]: run[key] for run in base}
    apart = [run[key] - others[run["seed"]] for run in runs if run["seed"] in others]
    return round(mean(apart), 3) if apart else None
