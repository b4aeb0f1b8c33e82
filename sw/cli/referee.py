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
) -> None:
    """Train the classifier of digits again.

    The shipped one does not change: all results are compared by it.

    \b
    thalweg referee --output build/referee
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.judge.referee.train import train as work

    record = work(load(data, download=True), output)
    typer.echo(f"{record['test_right']} of {record['test_digits']} clean test digits read right")
    typer.echo(f"wrote {output / 'weights.safetensors'}")
