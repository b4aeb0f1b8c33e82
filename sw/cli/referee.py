"""The verb referee: training of the classifier that judges digits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import DataFolder

__all__ = ["referee"]


def referee(
    output: Annotated[Path, typer.Option(help="folder for weights and provenance")],
    data: DataFolder = None,
    second: Annotated[
        bool, typer.Option("--second", help="the second one, which reads what noise falls into")
    ] = False,
) -> None:
    """Train a classifier of digits again.

    The shipped ones do not change: all results are compared by them.

    \b
    thalweg referee --output build/referee
    thalweg referee --output build/referee --second
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.judge.referee import FIRST
    from sw.judge.referee.second import SECOND
    from sw.judge.referee.train import train as work

    kind = SECOND if second else FIRST
    record = work(load(data, download=True), output, kind)
    typer.echo(f"{record['test_right']} of {record['test_digits']} clean test digits read right")
    typer.echo(f"wrote {output / kind.weights.name}")
