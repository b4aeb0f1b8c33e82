"""The verb verilog: the chip as portable Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import Filters, places

__all__ = ["verilog"]


def verilog(
    subjects: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders")
    ],
    filters: Filters = 5,
    output: Annotated[Path, typer.Option(help="folder for <top>.v and <top>.json")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write a chip that holds skeletons as portable Verilog, and its facts as JSON.

    \b
    thalweg verilog digits
    thalweg verilog digits mine/skeleton --filters 1 --output build/small
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.flow.verilog import top_name, write_chip
    from hw.shapes import Geometry
    from sw.runs.writable import require_writable

    room = places(len(subjects))
    skeletons = [Skeleton.load(find(name)) for name in subjects]
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters, skeletons=room)
    top = top_name(geometry)
    require_writable(*(output / f"{top}.{ending}" for ending in ("v", "json")))
    typer.echo(f"wrote {write_chip(geometry, skeletons, output)}")
