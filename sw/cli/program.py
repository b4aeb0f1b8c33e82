"""The verb program: loads a bitstream into a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import LinkName, board_folder

__all__ = ["program"]


def program(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="board, such as ulx3s-25f")],
    bitstream: Annotated[
        Path | None, typer.Option(help="bitstream; default: as thalweg bitstream writes it")
    ] = None,
    link: LinkName = "uart",
    flash: Annotated[
        bool, typer.Option("--flash", help="write it to the flash, which keeps it without power")
    ] = False,
) -> None:
    """Load a board's bitstream with openFPGALoader.

    \b
    thalweg program ulx3s-25f
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from hw.boards.catalogue import find_board
    from hw.flow.loading import program

    found = find_board(board)
    program(found, bitstream or board_folder(board, link) / "thalweg.bit", flash=flash)
    typer.echo(f"{board} runs it")
