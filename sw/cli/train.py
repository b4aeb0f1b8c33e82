"""The verb train: its options are those of `sw.train.options`."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import typer

from golden.errors import InputError
from golden.spec import Spec
from sw.cli.request import parameters
from sw.train.options import Options, Shape, spec_for

__all__ = ["train", "why_no_chip"]


def train(**given: Any) -> None:
    """Train a skeleton and its gate, on digits or on images of your own.

    The same command resumes a run that was interrupted.

    \b
    thalweg train --name mine --batches 2000
    thalweg train --name mine --device cuda --batches 40000 --batch 64
    thalweg train --name mine --data sklearn:digits --image 8 --channels 8 --damage 0.5,block
    thalweg train --name mine --data pictures --fit --image 28 --no-gate
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.train.run import train as work

    shape = {each.name: given.pop(each.name) for each in fields(Shape)}
    options = Options(spec=spec_for(given["recipe"], **shape), **given)
    if (reason := why_no_chip(options.spec)) is not None:
        typer.echo(f"{reason}: no chip takes this rule; it is trained nevertheless", err=True)
    work(options)


def why_no_chip(spec: Spec) -> str | None:
    """Return why no chip takes a rule of this shape; None where one does."""
    if spec.ungated == Spec():
        return None  # the usual one, which needs no gateware to be asked
    from hw.shapes import Geometry, foldings

    reasons = []
    for filters in foldings(spec.multiplier):
        try:
            Geometry(spec=spec.ungated, filters=filters)
        except InputError as error:
            reasons.append(str(error))
        else:
            return None
    return reasons[0]


train.__signature__ = inspect.Signature(parameters(Options, Shape))  # type: ignore[attr-defined]
