"""The verbs that train: train and referee."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sw.cli.common import DataFolder
from sw.train.options import Options, Shape, spec_for

__all__ = ["referee", "train"]


def train(**given: Any) -> None:
    """Train a skeleton and its gate.

    The same command resumes a run that was interrupted.

    \b
    thalweg train --name mine --batches 2000
    thalweg train --name mine --device cuda --batches 40000 --batch 64
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.train.run import train as work

    shape = {each.name: given.pop(each.name) for each in fields(Shape)}
    work(Options(spec=spec_for(given["recipe"], **shape), **given))


def parameters(*options: type) -> list[inspect.Parameter]:
    """Return the parameters of a verb that has an option for each field that has a help."""
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=Annotated[
                get_type_hints(option)[each.name],
                typer.Option(*filter(None, [each.metadata["flag"]]), help=each.metadata["help"]),
            ],
        )
        for option in options
        for each in fields(option)
        if each.metadata
    ]


train.__signature__ = inspect.Signature(parameters(Options, Shape))  # type: ignore[attr-defined]


def referee(
    output: Annotated[Path, typer.Option(help="folder for its weights and provenance")],
    data: DataFolder = None,
) -> None:
    """Train the judge of digits anew.

    The one that ships was trained once and stays: results are compared by it.

    \b
    thalweg referee --output build/referee
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.judge.referee.train import train as work

    record = work(load(data, download=True), output)
    typer.echo(f"{record['test_right']} of {record['test_digits']} clean test digits read right")
    typer.echo(f"wrote {output / 'weights.safetensors'}")
