"""The verb verilog: the chip as portable Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golden.errors import InputError
from sw.cli.common import FILTERS, Hardwired, OwnFilters, places, require_folded

__all__ = ["verilog"]


def verilog(
    subjects: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders")
    ],
    filters: OwnFilters = None,
    hardwired: Hardwired = False,
    output: Annotated[Path, typer.Option(help="folder for <top>.v and <top>.json")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write a chip that holds skeletons as portable Verilog, and its facts as JSON.

    \b
    thalweg verilog digits
    thalweg verilog digits mine/skeleton --filters 1 --output build/small
    thalweg verilog digits --hardwired
    """  # noqa: D301 - click reads the backspace as: keep these lines
    require_folded(filters, hardwired)
    if hardwired:
        path = write_hardwired(subjects, output)
    else:
        path = write_folded(subjects, FILTERS if filters is None else filters, output)
    typer.echo(f"wrote {path}")


def write_folded(subjects: list[str], filters: int, output: Path) -> Path:
    """Write a chip whose memory holds skeletons; return its Verilog."""
    from golden.skeleton import Skeleton, find
    from hw.flow.verilog import top_name, write_chip
    from hw.shapes import Geometry
    from sw.runs.writable import require_writable

    room = places(len(subjects))
    skeletons = [Skeleton.load(find(name)) for name in subjects]
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters, skeletons=room)
    top = top_name(geometry)
    require_writable(*(output / f"{top}.{ending}" for ending in ("v", "json")))
    path: Path = write_chip(geometry, skeletons, output)
    return path


def write_hardwired(subjects: list[str], output: Path) -> Path:
    """Write a chip whose logic is one skeleton; return its Verilog."""
    from golden.skeleton import Skeleton, find
    from hw.flow.hardwired import TOP, write_chip
    from hw.hardwired.plan import Plan
    from sw.runs.writable import require_writable

    if len(subjects) != 1:
        raise InputError(f"A hardwired chip holds one skeleton, not {len(subjects)}")
    skeleton = Skeleton.load(find(subjects[0]))
    require_writable(*(output / f"{TOP}.{ending}" for ending in ("v", "json")))
    path: Path = write_chip(Plan(skeleton), output)
    return path
