"""The verb train: its options are those of `sw.train.options`."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

from sw.train.options import Options, Shape, spec_for

__all__ = ["train"]


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
