"""The verb ablate: the effect of each choice in training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from golden.errors import InputError
from sw.cli.common import DataFolder
from sw.cli.request import takes
from sw.train.options import Options

__all__ = ["ablate"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg ablate` is asked for."""

    rows: Annotated[
        str | None, typer.Option(help="names of rows, as in base,phase4; default: all")
    ] = None
    seeds: Annotated[str, typer.Option(help="seeds of each row")] = "0,1"
    batches: Annotated[int, typer.Option(help="batches of each float warm-up")] = 800
    qat_batches: Annotated[int, typer.Option(help="batches of each QAT")] = 200
    qat_rate: Annotated[float, typer.Option(help="peak learning rate of the rule in each QAT")] = (
        Options.qat_rate
    )
    threads: Annotated[int, typer.Option(help="CPU threads")] = 1
    data: DataFolder = None
    output: Annotated[Path, typer.Option(help="folder for results.json and the runs")] = Path(
        "build/ablation"
    )
    docs: Annotated[bool, typer.Option("--docs", help="also copy the results to docs")] = False
    part: Annotated[
        str, typer.Option(help="table for --docs: ablation shows rows, seeds shows runs")
    ] = "ablation"


SHARED = ("output", "threads", "batches", "qat_batches", "qat_rate")
"""Options that all rows have in common."""


@takes(Request)
def ablate(request: Request) -> None:
    """Train a skeleton in several ways, each with one change, and compare the results.

    Finished runs are kept, so the same command continues after an interruption. Processes with
    other rows or seeds may share the folder.

    \b
    thalweg ablate
    thalweg ablate --rows base,phase4 --seeds 0,1,2
    thalweg ablate --rows base --seeds 0,1,2 --batches 4000 --output build/seeds --part seeds
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.experiments.ablation.measure import Ablation
    from sw.experiments.ablation.page import PARTS, require_publishable
    from sw.experiments.ablation.rows import ROWS, choose_rows
    from sw.judge.evaluate import digits_to_judge

    wanted = choose_rows([] if request.rows is None else request.rows.split(","), ROWS)
    numbers, part = numbers_of(request.seeds), request.part
    if part not in PARTS:
        raise InputError(f"--part must be {' or '.join(PARTS)}, not {part!r}")
    base = Options(**{key: getattr(request, key) for key in SHARED})
    digits = load(request.data, download=True)
    if request.docs:
        require_publishable(digits_to_judge(digits, 1).rows, part)
    ablation = Ablation(base, digits, ROWS)
    results = ablation.run(wanted, numbers)
    typer.echo(PARTS[part](results))
    typer.echo(f"wrote {ablation.path}")
    if request.docs:
        publish(ablation.path, part)


def numbers_of(seeds: str) -> list[int]:
    """Return the seeds in a list with commas, without repetitions."""
    from sw.train.bounds import SEEDS

    words = seeds.split(",")
    if not all(word.isdecimal() for word in words):
        raise InputError(f"--seeds must be numbers from 0 on, as in 0,1, not {seeds!r}")
    if any(len(word) > len(str(SEEDS[-1])) or int(word) not in SEEDS for word in words):
        raise InputError(f"--seeds must be at most {SEEDS[-1]:,}, not {seeds!r}")
    return list(dict.fromkeys(map(int, words)))


def publish(results: Path, part: str) -> None:
    """Copy the results to docs, and update the generated parts."""
    from sw.cli.docs import docs
    from sw.experiments.ablation.page import publish

    typer.echo(f"wrote {publish(results, part)}")
    docs()
