"""The verb estimate: area and speed of a chip on a board, before any tool runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError
from sw.cli.common import HARDWIRED, LinkName, find_named_board
from sw.cli.request import takes
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.spec import Spec
    from hw.boards.catalogue import BoardSpec

__all__ = ["estimate"]

SHAPE = ("channels", "multiplier", "side", "boundary")
"""Options that say a rule's shape; all else is as in `digits`."""

FOLDED = ("board", "filters", "link", *SHAPE, "all")
"""Options of the chip that is folded, which mean nothing to a hardwired one."""

AREAS = {"MULT": "multipliers", "BRAM": "bram", "LUT": "lut", "FF": "ff"}
RATES = {
    "clocks": "clocks_per_digit",
    "engine": "digits_per_second_engine",
    "gated": "digits_per_second_gated",
}
"""Columns of the table, and their names in the JSON file."""

LEGEND = """\
MULT: multipliers of 18 x 18 bits, BRAM: block RAMs. LUT and FF are estimates, all else is exact.
clocks: of a digit without its gate; engine: such digits a second; gated: whole digits over the link
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg estimate` is asked for."""

    board: Annotated[str | None, typer.Option(help="board; default: all of them")] = None
    filters: Annotated[
        int | None,
        typer.Option(min=1, help="filters per clock; default: the most that fit the part"),
    ] = None
    link: LinkName = "uart"
    skeleton: Annotated[
        str | None, typer.Option(help="shape of a skeleton, by name or folder; default: digits")
    ] = None
    channels: Annotated[int | None, typer.Option(min=4, max=16, help="channels: 4, 8 or 16")] = None
    multiplier: Annotated[int | None, typer.Option(help="filters of a channel, 1 to 8")] = None
    side: Annotated[int | None, typer.Option(min=4, max=64, help="cells a side, in steps of 4")] = (
        None
    )
    boundary: Annotated[str | None, typer.Option(help="zero or wrap")] = None
    all: Annotated[bool, typer.Option("--all", help="every number of filters per clock")] = False
    hardwired: Annotated[
        bool, typer.Option("--hardwired", help="a skeleton as logic: its adders, LUTs and FFs")
    ] = False
    place: Annotated[
        bool, typer.Option("--place", help="with --hardwired: place it on an ECP5-85F, too")
    ] = False
    output: Annotated[Path | None, typer.Option(help="JSON file of the estimates")] = None

    @property
    def boards(self) -> list[BoardSpec]:
        """The boards that are asked for."""
        if self.board is not None:
            return [find_named_board(self.board)]
        from hw.boards.catalogue import BOARDS
        from hw.boards.rates import find_link

        find_link(self.link)
        return [board for board in BOARDS.values() if self.link in board.links]

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
    thalweg estimate --hardwired --skeleton digits
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import write_json
    from sw.runs.writable import require_writable

    if request.hardwired:
        estimate_hardwired(request)
        return
    if request.place:
        raise InputError("--place must be given with --hardwired")
    boards, spec = request.boards, request.spec
    if request.output is not None:
        require_writable(request.output)
    rows = estimates(request, boards, spec)
    if request.output is not None:
        write_json(request.output, rows, indent=1)
    if len(rows) > 1:
        show(rows)
    else:
        show_one(boards[0], spec, rows[0])


def estimate_hardwired(request: Request) -> None:
    """Print what a skeleton costs as logic, and write it where that is asked for."""
    from golden.files import write_json
    from golden.skeleton import Skeleton, find
    from hw.flow.hardwired import estimate
    from hw.hardwired.plan import Plan
    from sw.runs.writable import require_writable

    others = [name for name in FOLDED if getattr(request, name) != getattr(Request, name)]
    if others:
        raise InputError(f"--hardwired and --{others[0]} must not be given together")
    if request.output is not None:
        require_writable(request.output)
    plan = Plan(Skeleton.load(find(request.skeleton or "digits")))
    found = estimate(plan)
    show_hardwired(found)
    if request.place:
        from hw.flow.hardwired_placing import place

        found["placed"] = place(plan, HARDWIRED, say=typer.echo)
        show_placed(found["placed"])
    if request.output is not None:
        write_json(request.output, found, indent=1)


def show_hardwired(found: dict[str, Any]) -> None:
    """Print the adders of a skeleton, channel by channel, and what they come to."""
    from rich.table import Table

    grid = Table("part", box=None, pad_edge=False)
    for name in ("outputs", "adders", "per output", "bits", "in a row"):
        grid.add_column(name, justify="right", no_wrap=True)
    for part in found["parts"]:
        numbers = [part["outputs"], part["adders"], f"{part['adders'] / part['outputs']:.1f}"]
        grid.add_row(part["part"], *map(str, [*numbers, part["bits"], part["depth"]]))
    console().print(grid)
    typer.echo(
        f"{found['adders']:,} adders of {found['bits']:,} bits, "
        f"{found['adders_per_filter']} for a perception filter; "
        f"about {found['lut']:,} LUT and {found['ff']:,} FF of an ECP5\n"
        f"{found['clocks_per_digit']:,} clocks for a digit"
    )


def show_placed(placed: dict[str, Any]) -> None:
    """Print what nextpnr says of a hardwired chip."""
    cells = ", ".join(
        f"{placed[kind]['used']:,} of {placed[kind]['available']:,} {kind.upper()}"
        for kind in ("lut", "ff", "bram")
    )
    fmax = placed["fmax_mhz"]
    typer.echo(
        f"{placed['device']}: {cells}\n"
        f"{fmax['min']} to {fmax['max']} MHz with {fmax['seeds']} seeds, "
        f"{placed['digits_per_second_engine']:,.0f} digits a second at the best"
    )


def estimates(request: Request, boards: Sequence[BoardSpec], spec: Spec) -> list[dict[str, Any]]:
    """Return the estimates that are asked for."""
    from hw.flow.estimate import builds, estimate

    if request.all and request.filters is not None:
        raise InputError("--all and --filters must not be given together")
    chosen = builds(spec) if request.all else [request.filters]
    return [estimate(board, spec, filters, request.link) for board in boards for filters in chosen]


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a row for each estimate, and below them what would have to shrink."""
    from rich.table import Table

    grid = Table("board", box=None, pad_edge=False)
    for name in ("F", *AREAS, *RATES):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("fits")
    for row in rows:
        names = ("filters", *AREAS.values(), *RATES.values())
        numbers = [f"{row[name]:,}" if row[name] else "-" for name in names]
        grid.add_row(row["board"], *numbers, "yes" if row["fits"] is True else "no")
    console().print(grid)
    typer.echo(LEGEND)
    for row in rows:
        if row["fits"] is not True:
            typer.echo(f"{row['board']}, F = {row['filters']}: {row['fits']}")


def show_one(board: BoardSpec, spec: Spec, row: dict[str, Any]) -> None:
    """Print an estimate line by line, with what limits it; raise where there is no room."""
    from hw.flow.estimate import lacking, limits

    heading = f"{board.name}, F = {row['filters']}"
    typer.echo(heading)
    for short, name in AREAS.items():
        taken, there = row[name], getattr(board.part, name)
        typer.echo(f"  {short:<8}{taken:>10,} of {there:,}, {taken / there:.0%}")
    for short, name in RATES.items():
        if row[name]:  # a rule alone has no gated digits
            typer.echo(f"  {short:<8}{row[name]:>10,}")
    typer.echo(LEGEND)
    if row["fits"] is not True:
        typer.echo(row["fits"])
    for sentence in limits(board, spec, row):
        typer.echo(sentence)
    if lacking(board, spec, row["filters"], row["link"]):
        raise InputError(f"{board.name} has no room for F = {row['filters']}: {row['fits']}")
