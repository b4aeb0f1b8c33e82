"""The verb that measures: eval, one skeleton or the table of everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from sw.data.protocol import SHARE

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["evaluate"]

TABLE = Path("build/eval/results.json")


def evaluate(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[NAME_OR_DIR]", help="shipped skeleton, or a folder; none: all"),
    ] = None,
    device: DeviceName = "golden",
    images: Annotated[
        int | None, typer.Option(min=1, help="digits from the first on; default: all")
    ] = None,
    gate: GateFile = None,
    no_gate: NoGate = False,
    steps: Steps = None,
    damage: Damage = SHARE,
    filters: Filters = 5,
    baud: Baud = BAUD,
    data: DataFolder = None,
    output: Annotated[
        Path | None, typer.Option(help="also write the results to this .json")
    ] = None,
    curves: Annotated[
        bool, typer.Option("--curves", help="of everything, against other damage too")
    ] = False,
    ship: Annotated[
        bool, typer.Option("--ship", help="copy the table and its pictures to docs")
    ] = False,
) -> None:
    """Measure a skeleton on MNIST's test digits by the protocol, or everything there is.

    Without a skeleton: one table of baselines and skeletons, in build/eval by default. What is
    measured is kept there, so that the same command goes on where it was broken off.

    \b
    thalweg eval
    thalweg eval digits
    thalweg eval digits --device simulated --images 200 --output build/results.json
    """  # noqa: D301 - click reads the backspace as: keep these lines
    if subject is None:
        refuse("with", device=device != "golden", gate=gate, no_gate=no_gate)
        refuse("with", steps=steps is not None, damage=damage != SHARE)
        evaluate_all(data, images, TABLE if output is None else output, filters, curves, ship)
        return
    refuse("without", curves=curves, ship=ship)
    evaluate_one(subject, device, images, gate, no_gate, steps, damage, filters, baud, data, output)


def refuse(how: str, **given: object) -> None:
    """Raise if one of these options is given: it must come with or without a skeleton."""
    for option, value in given.items():
        if value:
            raise InputError(f"--{option.replace('_', '-')} must come {how} a skeleton")


def evaluate_one(
    subject: str,
    device: str,
    images: int | None,
    gate: Path | None,
    no_gate: bool,
    steps: int | None,
    damage: float,
    filters: int,
    baud: int,
    data: Path | None,
    output: Path | None,
) -> None:
    """Measure one skeleton on one device."""
    from golden.files import write_json
    from sw.data.load import load
    from sw.judge import evaluate as work
    from sw.runs.writable import require_writable

    loaded, network = load_subject(subject, gate, no_gate)
    digits = work.digits_to_judge(load(data, download=True), images)
    work.require_size(digits, loaded)
    opened = open_device(device, (loaded,), filters, baud)
    require_writable(*([] if output is None else [output]))
    with progress("restoring", len(digits.images)) as advance:
        results = work.evaluate(
            opened,
            network,
            digits,
            steps=loaded.spec.steps if steps is None else steps,
            share=damage,
            progress=advance,
        )
    named = {"skeleton": loaded.name, "skeleton_digest": loaded.digest}
    results = named | device_facts(device, filters) | results
    work.show(results)
    if output is not None:
        write_json(output, results)
        typer.echo(f"wrote {output}")


def evaluate_all(
    data: Path | None, images: int | None, output: Path, filters: int, curves: bool, ship: bool
) -> None:
    """Measure everything, write the table and the curves, and copy them to docs if told."""
    from golden.files import write_json
    from sw.data.load import load
    from sw.experiments.table import make, report
    from sw.experiments.table.measure import Store
    from sw.experiments.table.subjects import subjects
    from sw.judge import evaluate as work
    from sw.runs.memory import keep_memory
    from sw.runs.writable import require_writable

    def simulated(skeleton: Skeleton) -> Device:
        return open_device("simulated", (skeleton,), filters)

    def digest(skeleton: Skeleton) -> str:
        return chip_digest(skeleton, filters)

    if output.suffix == ".png" or output.name == report.CURVES:
        raise InputError(
            f"--output must be a .json file other than {report.CURVES}, not {str(output)!r}"
        )
    found = load(data, download=True)
    digits = work.digits_to_judge(found, images)
    if ship:
        report.require_shippable([digits.rows])
    require_writable(output, output.parent / "kept" / output.name)
    keep_memory()
    listed, store = (
        list(subjects(found.train_images, simulated, digest)),
        Store(output.parent / "kept"),
    )
    rows = make.rows(listed, digits, store, progress)
    if not curves:
        for path in report.remove_curves(output.parent):
            typer.echo(f"removed {path}, of an earlier run: --curves makes it anew")
    write_json(output, rows)
    report.draw_rows(rows, output.with_suffix(".png"))
    points: list[dict[str, Any]] = []
    if curves:
        points = make.curves(listed, digits, store, progress)
        write_json(output.with_name(report.CURVES), points)
        report.draw_curves(points, output.with_name("curves.png"))
    for text in (report.result_table(rows), report.curve_table(points) if curves else ""):
        typer.echo(text)
    typer.echo(f"wrote {output}")
    if ship:
        report.ship(output, rows, points)
