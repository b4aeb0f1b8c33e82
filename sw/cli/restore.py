"""The verb that restores: restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golden.errors import InputError
from sw.cli.common import (
    BAUD,
    MOST,
    Baud,
    DataFolder,
    DeviceName,
    Filters,
    GateFile,
    NoGate,
    Steps,
    device_facts,
    load_subject,
    open_device,
    progress,
    require_device,
)
from sw.data.protocol import SHARE

if TYPE_CHECKING:
    from golden.device import Device
    from sw.restore.images import Images, Lattices

__all__ = ["restore"]


def restore(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="PNG, folder of PNGs, .npy of images or raw lattices, IDX file, "
            "mnist:test[0:100] or show[0:100]",
        ),
    ],
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")],
    output: Annotated[Path, typer.Option(help="folder for restored.npy, PNGs and report.json")],
    device: DeviceName = "golden",
    gate: GateFile = None,
    no_gate: NoGate = False,
    steps: Steps = None,
    damage: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"share of each image's pixels that is blanked first: {SHARE}, 0 with --originals",
        ),
    ] = None,
    originals: Annotated[
        Path | None,
        typer.Option(help="folder of the originals of a folder of damaged PNGs, names alike"),
    ] = None,
    from_step: Annotated[
        int, typer.Option(min=0, max=MOST, help="step count of raw lattices, their delta applied")
    ] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="images are ink on paper")] = False,
    filters: Filters = 5,
    baud: Baud = BAUD,
    trace: Annotated[Path | None, typer.Option(help="write every state to this .npz")] = None,
    data: DataFolder = None,
) -> None:
    """Restore damaged images, or run raw lattices on.

    Of a folder, each PNG gets a result under its own name; the same command goes on with a folder
    that was broken off, and ends with code 1 where a file could not be restored.

    \b
    thalweg restore 'show[0:20]' --skeleton digits --output build/show
    thalweg restore scan.png --invert --damage 0 --skeleton digits --output build/scan
    thalweg restore scans --originals clean --skeleton digits --output build/scans
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import is_dir, resolve
    from sw.cli.folders import restore_folder
    from sw.restore import outputs
    from sw.restore.images import is_named, read_input
    from sw.restore.restoration import restore_input
    from sw.restore.results import Recipe
    from sw.runs.writable import require_folders

    loaded, network = load_subject(skeleton, gate, no_gate)
    steps = loaded.spec.steps if steps is None else steps
    share = share_of(damage, originals)

    def chosen() -> Device:
        return open_device(device, (loaded,), filters, baud)

    if not is_named(source) and is_dir(Path(source)):
        if trace is not None or from_step:
            raise InputError("--trace and --from-step must not be given with a folder")
        recipe = Recipe.of(loaded, network, steps=steps, damage=share, invert=invert)
        named = {"skeleton": loaded.name, "skeleton_digest": loaded.digest}
        named |= device_facts(device, filters)
        restore_folder(chosen, network, loaded.spec, Path(source), output, recipe, originals, named)
        return
    if originals is not None:
        raise InputError(f"--originals must go with a folder as INPUT, not with {source!r}")
    given = read_input(source, loaded.spec, data, invert=invert)
    require_meant(given, damage, invert=invert, from_step=from_step)
    for note in getattr(given, "notes", ()):
        typer.echo(note, err=True)
    if trace is not None:
        outputs.require_trace(trace, output, len(given), steps, loaded.spec)
        if resolve(trace) == resolve(Path(source)):
            raise InputError(f"--trace must not be the INPUT {source!r}")
    require_device(device, filters)
    outputs.require_room(output, given, source)
    require_folders(output, *([] if trace is None else [trace.parent]))
    opened = chosen()
    with progress("restoring", len(given)) as advance:
        restoration = restore_input(
            opened,
            network,
            given,
            steps=steps,
            damage=share,
            from_step=from_step,
            traced=trace is not None,
            progress=advance,
        )
    told = {"input": source, **device_facts(device, filters), "gated": network is not None}
    told |= outputs.report(restoration, loaded)
    if trace is not None:
        outputs.write_trace(trace, restoration)
    outputs.write(output, restoration, told)
    typer.echo(f"wrote {output / 'report.json'}")


def require_meant(
    given: Images | Lattices, damage: float | None, *, invert: bool, from_step: int
) -> None:
    """Raise where an option is given that this kind of INPUT has no use for."""
    from sw.restore.images import Images

    if isinstance(given, Images):
        if from_step:
            raise InputError(f"--from-step must be 0 for images, not {from_step}")
    elif damage:
        raise InputError(f"--damage must be 0 for raw lattices, not {damage}")
    elif invert:
        raise InputError("--invert must not be given with raw lattices")


def share_of(damage: float | None, originals: Path | None) -> float:
    """Return the share of pixels to blank: none where images come damaged already."""
    if originals is not None and damage:
        raise InputError("--originals and --damage must not be given together")
    if damage is None:
        return SHARE if originals is None else 0.0
    return damage
