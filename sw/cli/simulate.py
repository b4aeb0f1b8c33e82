"""The verb simulate: a simulated board behind a pseudo-terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from golden.errors import InputError
from sw.cli.common import BAUD, FILTERS, Baud, find_named_board

__all__ = ["serve"]


def serve(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME_OR_DIR...", help="shipped skeletons, or folders; default: digits"
        ),
    ] = None,
    board: Annotated[str | None, typer.Option(help="board whose filters per clock to use")] = None,
    filters: Annotated[
        int | None, typer.Option(help="filters per clock; default: the board's, or 5")
    ] = None,
    baud: Baud = BAUD,
) -> None:
    """Simulate a board, its UART included, behind a pseudo-terminal; Ctrl-C ends it.

    The first line is the pseudo-terminal's path; from then on, the board answers.

    \b
    thalweg simulate --board ulx3s-25f
    thalweg restore 'show[0:8]' --skeleton digits --output build/show --device serial:/dev/pts/3
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.shapes import Geometry
    from sim.devices.board import CLOCK, SimulatedBoard, divisor_of
    from sim.devices.terminal import serve
    from sw.cli.common import places

    folded = filters_of(board, filters)
    divisor = divisor_of(CLOCK, baud)
    skeletons = tuple(Skeleton.load(find(name)) for name in subjects or ["digits"])
    geometry = Geometry(
        spec=skeletons[0].spec.ungated, filters=folded, skeletons=places(len(skeletons))
    )

    simulated = SimulatedBoard(
        geometry, skeletons, divisor=divisor, progress=lambda text: typer.echo(text, err=True)
    )
    serve(simulated, ready=lambda path: typer.echo(path))


def filters_of(board: str | None, filters: int | None) -> int:
    """Return the filters per clock: as given, or as the board has them."""
    if board is None:
        return FILTERS if filters is None else filters
    own: int = find_named_board(board).filters
    if filters not in (None, own):
        raise InputError(f"--filters must be {own} with --board {board}, not {filters}")
    return own
