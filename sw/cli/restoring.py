"""The verb that restores: restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    open_device,
    progress,
    told_of,
)

__all__ = ["restore"]


def restore(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="PNG, .npy of images or raw lattices, IDX file, mnist:test[0:100] or show[0:100]",
        ),
    ],
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")],
    output: Annotated[Path, typer.Option(help="folder for restored.npy, PNGs and report.json")],
    device: DeviceName = "golden",
    gate: GateFile = None,
    no_gate: NoGate = False,
    steps: Steps = None,
    damage: Damage = 0.7,
    from_step: Annotated[
        int, typer.Option(min=0, help="step count of raw lattices, their delta applied")
    ] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="images are ink on paper")] = False,
    filters: Filters = 5,
    baud: Baud = BAUD,
    trace: Annotated[Path | None, typer.Option(help="write every state to this .npz")] = None,
    data: DataFolder = None,
) -> None:
    """Restore damaged images, or run raw lattices on.

    \b
    thalweg restore 'show[0:20]' --skeleton digits --output build/show
    thalweg restore scan.png --invert --damage 0 --skeleton digits --output build/scan
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw import outputs
    from sw.images import read_input
    from sw.loading import load_run
    from sw.restore import restore_input

    loaded, network = load_run(skeleton, gate, gated=not no_gate)
    given = read_input(source, loaded.spec, data, invert=invert)
    opened = open_device(device, (loaded,), filters, baud)
    opened.choose(0, gated=network is not None)
    outputs.prepare(output, *([] if trace is None else [trace.parent]))
    with progress("restoring", len(given)) as advance:
        restoration = restore_input(
            opened,
            network,
            given,
            steps=loaded.spec.steps if steps is None else steps,
            damage=damage,
            from_step=from_step,
            traced=trace is not None,
            progress=advance,
        )
    told = {"input": source, **told_of(device, filters), "gated": network is not None}
    told |= outputs.report(restoration, loaded)
    if trace is not None:
        outputs.write_trace(trace, restoration)
    outputs.write(output, restoration, told)
    typer.echo(f"wrote {output / 'report.json'}")
