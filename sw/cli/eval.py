"""The verb that measures: eval, one skeleton or the table of everything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from golden.errors import InputError
from sw.cli.common import (
    BAUD,
    Baud,
    Damage,
    DataFolder,
    DeviceName,
    Filters,
    GateFile,
    NoGate,
    Steps,
    chip_digest,
    device_facts,
    load_subject,
    open_device,
    progress,
)
from sw.cli.request import takes
from sw.data.protocol import SHARE

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["evaluate"]

TABLE = Path("build/eval/results.json")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg eval` is asked for."""

    subject: Annotated[
        str | None,
        typer.Argument(metavar="[NAME_OR_DIR]", help="shipped skeleton, or a folder; none: all"),
    ] = None
    device: DeviceName = "golden"
    images: Annotated[
        int | None, typer.Option(min=1, help="digits from the first on; default: all")
    ] = None
    gate: GateFile = None
    no_gate: NoGate = False
    steps: Steps = None
    damage: Damage = SHARE
    filters: Filters = 5
    baud: Baud = BAUD
    data: DataFolder = None
    output: Annotated[Path | None, typer.Option(help="also write the results to this .json")] = None
    curves: Annotated[
        bool, typer.Option("--curves", help="of everything, against other damage too")
    ] = False
    ship: Annotated[
        bool, typer.Option("--ship", help="copy the table and its pictures to docs")
    ] = False


@takes(Request)
def evaluate(request: Request) -> None:
    """Measure a skeleton on test images by the protocol, or everything there is on MNIST's.

    Without a skeleton: one table of baselines and skeletons, in build/eval by default. What is
    measured is kept there, so that the same command goes on where it was broken off.

    \b
    thalweg eval
    thalweg eval digits --damage block,noise:40
    thalweg eval build/train/mine --data sklearn:digits
    thalweg eval digits --device simulated --images 200 --output build/results.json
    """  # noqa: D301 - click reads the backspace as: keep these lines
    if request.subject is None:
        device = request.device != "golden"
        refuse("with", device=device, gate=request.gate, no_gate=request.no_gate)
        refuse("with", steps=request.steps is not None, damage=request.damage != SHARE)
        evaluate_all(request)
        return
    refuse("without", curves=request.curves, ship=request.ship)
    evaluate_one(request, request.subject)


def refuse(how: str, **given: object) -> None:
    """Raise if one of these options is given: it must come with or without a skeleton."""
    for option, value in given.items():
        if value:
            raise InputError(f"--{option.replace('_', '-')} must come {how} a skeleton")


def evaluate_one(request: Request, subject: str) -> None:
    """Measure one skeleton on one device."""
    from golden.files import write_json
    from sw.data.load import load
    from sw.judge import evaluate as work
    from sw.judge.referee.own import referee_for
    from sw.runs.writable import require_writable

    skeleton, network = load_subject(subject, request.gate, request.no_gate)
    found = load(request.data, download=True)
    digits = work.images_to_judge(found, request.images)
    work.require_size(digits, skeleton)
    opened = open_device(request.device, (skeleton,), request.filters, request.baud)
    output = request.output
    require_writable(*([] if output is None else [output]))
    steps = skeleton.spec.steps if request.steps is None else request.steps
    with progress("restoring", len(digits.images)) as advance:
        results = work.evaluate(
            opened,
            network,
            digits,
            steps=steps,
            share=request.damage,
            progress=advance,
            reader=partial(referee_for, found, partial(typer.echo, err=True)),
        )
    named = {"skeleton": skeleton.name, "skeleton_digest": skeleton.digest}
    results = named | device_facts(request.device, request.filters) | results
    work.show(results)
    if output is not None:
        write_json(output, results)
        typer.echo(f"wrote {output}")


def evaluate_all(request: Request) -> None:
    """Measure everything, write the table and the curves, and copy them to docs if told."""
    from golden.files import write_json
    from sw.data.load import load
    from sw.experiments.table import make, report
    from sw.experiments.table.measure import Store
    from sw.experiments.table.subjects import subjects
    from sw.judge.evaluate import digits_to_judge
    from sw.runs.memory import keep_memory
    from sw.runs.writable import require_writable

    output = table_file(request.output)
    found = load(request.data, download=True)
    digits = digits_to_judge(found, request.images)
    if request.ship:
        report.require_shippable([digits.rows])
    require_writable(output, output.parent / "kept" / output.name)
    keep_memory()
    chip = Chip(request.filters)
    listed = list(subjects(found.train_images, chip.open, chip.digest))
    measured = listed, digits, Store(output.parent / "kept"), progress
    rows = make.rows(*measured)
    if not request.curves:
        for path in report.remove_curves(output.parent):
            typer.echo(f"removed {path}, of an earlier run: --curves makes it anew")
    write_json(output, rows)
    report.draw_rows(rows, output.with_suffix(".png"))
    points: list[dict[str, Any]] = []
    if request.curves:
        points = make.curves(*measured)
        write_json(output.with_name(report.CURVES), points)
        report.draw_curves(points, output.with_name("curves.png"))
    for text in (report.result_table(rows), report.curve_table(points) if request.curves else ""):
        typer.echo(text)
    typer.echo(f"wrote {output}")
    if request.ship:
        report.ship(output, rows, points)


def table_file(output: Path | None) -> Path:
    """Return the file of the table; raise where another of its files would take its place."""
    from sw.experiments.table.report import CURVES

    if output is None:
        return TABLE
    if output.suffix == ".png" or output.name == CURVES:
        raise InputError(f"--output must be a .json file other than {CURVES}, not {str(output)!r}")
    return output


class Chip(NamedTuple):
    """The simulated chip with so many filters."""

    filters: int

    def open(self, skeleton: Skeleton) -> Device:
        """Return the device with a skeleton."""
        return open_device("simulated", (skeleton,), self.filters)

    def digest(self, skeleton: Skeleton) -> str:
        """Return the digest of its Verilog for a skeleton."""
        return chip_digest(skeleton, self.filters)
