"""The verb compare: the table of all restorers, on images of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw.cli.common import chip_digest, open_device, progress
from sw.cli.request import takes
from sw.cli.train import why_no_chip

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["compare"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg compare` is asked for."""

    skeletons: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders")
    ]
    data: Annotated[Path, typer.Option(help="labelled images, see docs/yours.md")]
    fit: Annotated[
        bool, typer.Option("--fit", help="scale and centre each image as MNIST's are")
    ] = False
    baselines: Annotated[
        Path | None, typer.Option(help="folder of networks that `thalweg baseline` trained")
    ] = None
    images: Annotated[
        int | None, typer.Option(min=1, help="test images from the first on; default: all")
    ] = None
    name: Annotated[str, typer.Option(help="name of the comparison")] = "yours"
    output: Annotated[Path, typer.Option(help="folder for comparisons, each in its own")] = Path(
        "build/compare"
    )
    docs: Annotated[bool, typer.Option("--docs", help="also copy the table to docs")] = False


@takes(Request)
def compare(request: Request) -> None:
    """Compare skeletons with networks and closed forms, on images of your own.

    The table of `thalweg eval`: on golden, in Brevitas and on the simulated chip. What is measured
    is kept, so that the same command goes on where it was broken off.

    \b
    thalweg baseline unet --data letters-upper --batches 20000 --output build/letters
    thalweg compare letters --data letters-upper --baselines build/letters
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import write_json
    from golden.skeleton import Skeleton, find
    from sw.data.load import load
    from sw.experiments.table import make, own, report
    from sw.experiments.table.measure import Store
    from sw.experiments.table.subjects import own_subjects
    from sw.judge.evaluate import require_size
    from sw.judge.referee.own import referee_for
    from sw.runs.memory import keep_memory
    from sw.runs.writable import require_writable

    folders, output = [find(each) for each in request.skeletons], request.output / request.name
    loaded = [Skeleton.load(folder) for folder in folders]
    size = loaded[0].spec.image if request.fit else None
    found = load(request.data, download=True, fit=size)
    digits = own.labelled_images(found, request.images)
    for skeleton in loaded:
        require_size(digits, skeleton)
    own.require_networks(request.baselines, digits)
    if request.docs:
        own.require_result_docs(request.name)
    kept = output / "kept" / found.digest[:32]
    require_writable(*(output / name for name in own.FILES), kept / "some.json")
    keep_memory()
    say = partial(typer.echo, err=True)
    listed = own_subjects(
        found.train_images,
        folders,
        open_chip,
        digest_of_chip,
        baselines=request.baselines,
        on_chip=has_chip,
    )
    rows = make.rows(listed, digits, Store(kept), progress, referee_for(found, say))
    results = {
        "data": {"source": found.source, "sha256": found.digest, **found.facts},
        "rows": rows,
        "runs": own.runs_of(folders, request.baselines),
    }
    numbers, picture = (output / name for name in own.FILES)
    write_json(numbers, results)
    report.draw_rows(rows, picture)
    typer.echo(report.result_table(rows))
    typer.echo(f"wrote {numbers}")
    if request.docs:
        own.publish_results(output, request.name)


def open_chip(skeleton: Skeleton) -> Device:
    """Return the simulated chip with a skeleton, as fast as its shape allows."""
    return open_device("simulated", (skeleton,), skeleton.spec.multiplier)


def digest_of_chip(skeleton: Skeleton) -> str:
    """Return the digest of that chip's Verilog."""
    return chip_digest(skeleton, skeleton.spec.multiplier)


def has_chip(skeleton: Skeleton) -> bool:
    """Whether a chip takes a skeleton."""
    return why_no_chip(skeleton.spec) is None
