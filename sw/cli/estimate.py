"""The verb estimate: area and speed of a chip on a board, before any tool runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError
from sw.cli.common import find_named_board
from sw.cli.request import takes
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.spec import Spec
    from hw.boards.catalogue import BoardSpec, Part

__all__ = ["estimate"]

SHAPE = ("channels", "multiplier", "side", "boundary")
"""Options that say a rule's shape; all else is as in `digits`."""

AREAS = {"multipliers": "multipliers", "bram": "block RAM", "lut": "LUT", "ff": "FF"}
RATES = {
    "clocks_per_digit": "clocks a digit",
    "digits_per_second_engine": "digits/s, engine",
    "digits_per_second_gated": "gated",
}
"""Columns of the table."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg estimate` is asked for."""

    board: Annotated[str | None, typer.Option(help="board; default: all of them")] = None
    filters: Annotated[
        int | None, typer.Option(help="filters per clock; default: the most that fit the part")
    ] = None
    link: Annotated[str, typer.Option(help="link to the host: uart")] = "uart"
    skeleton: Annotated[
        str | None, typer.Option(help="shape of a skeleton, by name or folder; default: digits")
    ] = None
    channels: Annotated[int | None, typer.Option(help="channels: 4, 8 or 16")] = None
    multiplier: Annotated[int | None, typer.Option(help="filters of a channel, 1 to 8")] = None
    side: Annotated[int | None, typer.Option(help="cells a side: 4 to 64 in steps of 4")] = None
    boundary: Annotated[str | None, typer.Option(help="zero or wrap")] = None
    all: Annotated[bool, typer.Option("--all", help="every number of filters per clock")] = False
    output: Annotated[Path | None, typer.Option(help="JSON file of the estimates")] = None

    @property
    def spec(self) -> Spec:
        """The spec that is asked for: a skeleton's, or that of `digits` with another shape."""
        from golden.skeleton import Skeleton, find

        shape = {name: value for name in SHAPE if (value := getattr(self, name)) is not None}
        if self.skeleton is not None and shape:
            raise InputError(f"--skeleton and --{min(shape)} must not be given together")
        spec = Skeleton.load(find(self.skeleton or "digits")).spec
        if (side := shape.pop("side", None)) is not None:
            image = spec.image if spec.image <= side else side
            shape |= {"height": side, "width": side, "image": image}
        return replace(spec, **shape)


@takes(Request)
def estimate(request: Request) -> None:
    """Estimate area and speed of a chip on boards, before any tool runs.

    Multipliers, block RAMs and clocks are exact, LUTs and FFs within 15 %.

    \b
    thalweg estimate
    thalweg estimate --all
    thalweg estimate --board ulx3s-25f --channels 8 --multiplier 3 --side 48
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import write_json
    from hw.boards.catalogue import BOARDS
    from hw.flow.estimate import builds, estimate, limits
    from sw.runs.writable import require_writable

    if request.all and request.filters is not None:
        raise InputError("--all and --filters must not be given together")
    boards = [find_named_board(name) for name in ([request.board] if request.board else BOARDS)]
    spec = request.spec
    if request.output is not None:
        require_writable(request.output)
    chosen = builds(spec) if request.all else [request.filters]
    rows = [estimate(board, spec, filters, request.link) for board in boards for filters in chosen]
    if request.output is not None:
        write_json(request.output, rows, indent=1)
    show(rows, [board.part for board in boards for _ in chosen])
    if len(rows) == 1:
        for sentence in limits(boards[0], spec, rows[0]):
            typer.echo(sentence)
        require_room(boards[0], spec, rows[0])


def show(rows: Sequence[dict[str, Any]], parts: Sequence[Part]) -> None:
    """Print a row for each estimate, and below them what would have to shrink."""
    from rich.table import Table

    grid = Table("board", "F", *AREAS.values(), *RATES.values(), "fits")
    for row, part in zip(rows, parts, strict=True):
        numbers = [f"{row[name]:,}" for name in RATES]
        areas = [f"{row[name]:,} of {getattr(part, name):,}" for name in AREAS]
        told = "yes" if row["fits"] is True else "see below"
        grid.add_row(row["board"], str(row["filters"]), *areas, *numbers, told)
    console().print(grid)
    for row in rows:
        if row["fits"] is not True:
            typer.echo(f"{row['board']}, F = {row['filters']}: {row['fits']}")


def require_room(board: BoardSpec, spec: Spec, row: dict[str, Any]) -> None:
    """Raise where the one chip that was asked for has no room in its part."""
    from hw.flow.estimate import lacking

    if lacking(board, spec, row["filters"]):
        raise InputError(f"{board.name} has no room for F = {row['filters']}: {row['fits']}")
