"""The verb train: its options are those of `sw.train.options`."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

from sw.cli.request import parameters
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


train.__signature__ = inspect.Signature(parameters(Options, Shape))  # type: ignore[attr-defined]
