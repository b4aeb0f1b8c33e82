"""The verb export: a skeleton as an ONNX graph, in quantised ONNX, or as a C file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golden.errors import InputError
from sw.cli.common import GateFile, NoGate, Subject, load_subject

__all__ = ["export"]


def export(
    subject: Subject,
    onnx: Annotated[Path | None, typer.Option(help="ONNX file to write: the whole run")] = None,
    qonnx: Annotated[
        Path | None, typer.Option(help="the same in quantised form, for tools that read QONNX")
    ] = None,
    c: Annotated[
        Path | None, typer.Option("--c", help="C file to write: integers, no library")
    ] = None,
    no_gate: NoGate = False,
    gate: GateFile = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="steps of the run; default: as the skeleton says"),
    ] = None,
) -> None:
    """Write a skeleton, its gate included, in forms that other tools read.

    Each file is run and compared with golden, code for code, before it is kept.

    \b
    thalweg export digits --onnx build/digits.onnx
    thalweg export digits --qonnx build/digits-q.onnx --steps 20
    thalweg export digits --c build/digits.c --no-gate
    """  # noqa: D301 - click reads the backspace as: keep these lines
    files = {"onnx": onnx, "qonnx": qonnx, "c": c}
    wanted = {name: file for name, file in files.items() if file is not None}
    if not wanted:
        raise InputError("One of --onnx, --qonnx and --c must be given")
    if len({file.absolute() for file in wanted.values()}) < len(wanted):
        raise InputError("--onnx, --qonnx and --c must name different files")

    from sw.export.export import FORMS
    from sw.export.export import export as work
    from sw.runs.writable import require_writable

    require_writable(*wanted.values())
    skeleton, network = load_subject(subject, gate, no_gate)
    for name, file in wanted.items():
        typer.echo(work(FORMS[name], skeleton, network, steps or skeleton.spec.steps, file))
