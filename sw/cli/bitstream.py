"""The verb bitstream: synthesis, placement and routing of the chip for a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import LinkName, board_folder

__all__ = ["bitstream"]


def bitstream(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="board, such as ulx3s-25f")],
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME_OR_DIR...", help="skeletons of the chip; default: digits"),
    ] = None,
    filters: Annotated[
        int | None,
        typer.Option(help="filters per clock; default: the most that fit the part"),
    ] = None,
    link: LinkName = "uart",
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="number of placements; the fastest is kept")
    ] = 5,
    output: Annotated[
        Path | None,
        typer.Option(help="folder for thalweg.bit; default: build/BOARD, or build/BOARD-usb"),
    ] = None,
) -> None:
    """Make a bitstream of the chip behind its link, and report area and clock.

    The same command continues an interrupted build.

    \b
    thalweg bitstream ulx3s-25f
    thalweg bitstream ulx3s-25f --link usb
    thalweg bitstream ulx3s-25f digits mine/skeleton --seeds 1
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.boards.catalogue import find_board
    from hw.flow.build import build

    found = find_board(board)
    skeletons = [Skeleton.load(find(name)) for name in subjects or ["digits"]]
    folder = output or board_folder(board, link)
    report = build(
        found, skeletons, folder, filters=filters, link=link, seeds=seeds, say=typer.echo
    )
    clocks = report["fmax_mhz"]
    typer.echo(
        f"{clocks['min']} / {clocks['median']} / {clocks['max']} MHz over {clocks['seeds']} seeds, "
        f"clock {report['clock_mhz']} MHz"
    )
    typer.echo(f"wrote {folder / 'thalweg.bit'} and {folder / 'report.json'}")
