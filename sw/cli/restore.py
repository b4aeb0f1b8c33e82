"""The verb that restores: restore."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from sw.cli.request import takes
from sw.data.protocol import SHARE

if TYPE_CHECKING:
    from golden.device import Device
    from golden.gate import GateNetwork
    from golden.skeleton import Skeleton
    from sw.restore.fitting import Fit
    from sw.restore.images import Images, Lattices

__all__ = ["restore"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg restore` is asked for."""

    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="picture, folder of them, .npy of images or raw lattices, IDX file, "
            "mnist:test[0:100] or show[0:100]",
        ),
    ]
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")]
    output: Annotated[Path, typer.Option(help="folder for restored.npy, PNGs and report.json")]
    device: DeviceName = "golden"
    gate: GateFile = None
    no_gate: NoGate = False
    steps: Steps = None
    damage: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"share of each image's pixels that is blanked first: {SHARE}, 0 with --originals",
        ),
    ] = None
    originals: Annotated[
        Path | None,
        typer.Option(help="folder of the originals of a folder of damaged PNGs, names alike"),
    ] = None
    from_step: Annotated[
        int, typer.Option(min=0, max=MOST, help="step count of raw lattices, their delta applied")
    ] = 0
    invert: Annotated[bool, typer.Option("--invert", help="images are ink on paper")] = False
    fit: Annotated[
        bool,
        typer.Option(
            "--fit", help="pictures of any size: find ink and paper, scale and centre the ink"
        ),
    ] = False
    filters: Filters = 5
    baud: Baud = BAUD
    trace: Annotated[Path | None, typer.Option(help="write every state to this .npz")] = None
    data: DataFolder = None


@takes(Request)
def restore(request: Request) -> None:
    """Restore damaged images, or run raw lattices on.

    Of a folder, each PNG gets a result under its own name; the same command goes on with a folder
    that was broken off, and ends with code 1 where a file could not be restored.

    \b
    thalweg restore 'show[0:20]' --skeleton digits --output build/show
    thalweg restore scan.png --invert --damage 0 --skeleton digits --output build/scan
    thalweg restore photo.jpg --fit --damage 0 --skeleton digits --output build/photo
    thalweg restore scans --originals clean --skeleton digits --output build/scans
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import is_dir
    from sw.restore.images import is_named

    skeleton, network = load_subject(request.skeleton, request.gate, request.no_gate)
    run = Run(request, skeleton, network, share_of(request.damage, request.originals))
    if not is_named(request.source) and is_dir(Path(request.source)):
        restore_pngs(run)
    else:
        restore_items(run)


@dataclass(frozen=True)
class Run:
    """A request, with what it names at hand."""

    request: Request
    skeleton: Skeleton
    network: GateNetwork | None
    share: float
    """Share of each image's pixels that is blanked first."""

    @property
    def steps(self) -> int:
        """Steps of the run."""
        given = self.request.steps
        return self.skeleton.spec.steps if given is None else given

    @property
    def fit(self) -> Fit | None:
        """How pictures of any size are made images; None takes them as they are."""
        from sw.restore.fitting import fit_for

        request = self.request
        if not request.fit:
            return None
        return fit_for(request.skeleton, self.skeleton.spec.image, request.invert)

    def open_device(self) -> Device:
        """Open the device with the skeleton."""
        request = self.request
        return open_device(request.device, (self.skeleton,), request.filters, request.baud)

    def device_facts(self) -> dict[str, Any]:
        """Return what a report says of the device."""
        return device_facts(self.request.device, self.request.filters)


def restore_pngs(run: Run) -> None:
    """Restore a folder of PNGs."""
    from sw.cli.folders import Folders, restore_folder
    from sw.restore.results import Method

    request, skeleton, network = run.request, run.skeleton, run.network
    if request.trace is not None or request.from_step:
        raise InputError("--trace and --from-step must not be given with a folder")
    fit = run.fit
    told: dict[str, Any] = {"steps": run.steps, "damage": run.share, "invert": request.invert}
    told |= {} if fit is None else {"fit": fit.layout.to_json()}
    method = Method.of(skeleton, network, **told)
    named = {"skeleton": skeleton.name, "skeleton_digest": skeleton.digest} | run.device_facts()
    folders = Folders(Path(request.source), request.output, request.originals)
    restore_folder(run.open_device, network, skeleton.spec, folders, method, named, fit)


def restore_items(run: Run) -> None:
    """Restore images of one INPUT, or run its lattices on."""
    from sw.restore import outputs
    from sw.restore.restoration import restore_input

    request = run.request
    given = read_given(run)
    require_places(run, given)
    opened, traced = run.open_device(), request.trace is not None
    with progress("restoring", len(given)) as advance:
        restoration = restore_input(
            opened,
            run.network,
            given,
            steps=run.steps,
            damage=run.share,
            traced=traced,
            progress=advance,
        )
    told = {"input": request.source, **run.device_facts(), "gated": run.network is not None}
    told |= outputs.report(restoration, run.skeleton)
    if request.trace is not None:
        outputs.write_trace(request.trace, restoration)
    outputs.write(request.output, restoration, told)
    typer.echo(f"wrote {request.output / 'report.json'}")


def read_given(run: Run) -> Images | Lattices:
    """Read the INPUT and say what was done to it; raise where an option does not go with it."""
    from sw.restore.images import Lattices, read_input

    request = run.request
    if request.originals is not None:
        raise InputError(f"--originals must go with a folder as INPUT, not with {request.source!r}")
    how: dict[str, Any] = {"invert": request.invert, "fit": run.fit}
    given = read_input(request.source, run.skeleton.spec, request.data, **how)
    require_meant(given, request.damage, invert=request.invert, from_step=request.from_step)
    for note in getattr(given, "notes", ()):
        typer.echo(note, err=True)
    return replace(given, step=request.from_step) if isinstance(given, Lattices) else given


def require_places(run: Run, given: Images | Lattices) -> None:
    """Raise unless there is a device of that name, and all results have their place."""
    from golden.files import resolve
    from sw.restore import outputs
    from sw.runs.writable import require_folders

    request, trace = run.request, run.request.trace
    if trace is not None:
        outputs.require_trace(trace, request.output, len(given), run.steps, run.skeleton.spec)
        if resolve(trace) == resolve(Path(request.source)):
            raise InputError(f"--trace must not be the INPUT {request.source!r}")
    require_device(request.device, request.filters)
    outputs.require_room(request.output, given, request.source)
    require_folders(request.output, *([] if trace is None else [trace.parent]))


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
