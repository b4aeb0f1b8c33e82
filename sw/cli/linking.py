"""The verb that puts a simulated board behind a pseudo-terminal: simulate."""

from __future__ import annotations

from typing import Annotated

import typer

from golden.errors import InputError
from sw.cli.common import BAUD, FILTERS, Baud, Filters

__all__ = ["serve"]


def serve(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders; digits"),
    ] = None,
    filters: Filters = 5,
    baud: Baud = BAUD,
) -> None:
    """Simulate a board, its UART included, behind a pseudo-terminal; Ctrl-C ends it.

    \b
    thalweg simulate digits
    thalweg restore 'show[0:8]' --skeleton digits --output build/show --device serial:/dev/pts/3
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.shapes import Geometry
    from sim.board import CLOCK, SimulatedBoard, divisor_of, serve
    from sw.cli.building import places

    if filters not in FILTERS:
        raise InputError(f"--filters must be 1, 2 or 5, not {filters}")
    divisor = divisor_of(CLOCK, baud)
    skeletons = tuple(Skeleton.load(find(name)) for name in subjects or ["digits"])
    geometry = Geometry(
        spec=skeletons[0].spec.ungated, filters=filters, skeletons=places(len(skeletons))
    )
    board = SimulatedBoard(
        geometry, skeletons, divisor=divisor, progress=lambda text: typer.echo(text, err=True)
    )
    serve(board, ready=lambda path: typer.echo(path))
