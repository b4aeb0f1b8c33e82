"""The verb docs: the generated parts of README and docs."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["docs", "parts"]


def docs(
    check: Annotated[
        bool, typer.Option("--check", help="write nothing; fail if a table is out of date")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="draw the pictures of first-look.md and asic.md, too")
    ] = False,
) -> None:
    """Write the tables of README and docs from the spec, the chip and the measurements.

    \b
    thalweg docs
    thalweg docs --pictures
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.errors import InputError
    from sw.report.docs import update

    if check and pictures:
        raise InputError("--check and --pictures must not be given together")
    if pictures:
        draw_pictures()
    stale = update(parts(), check=check)
    if stale and check:
        raise InputError(f"{', '.join(map(str, stale))} must be brought up to date: make docs")
    typer.echo(f"wrote {', '.join(map(str, stale))}" if stale else "everything is up to date")


def draw_pictures() -> None:
    """Draw the pictures of the first look and of the chip's area."""
    from sw.experiments.asic_picture import PICTURE, draw_areas
    from sw.experiments.first_look import FOLDER, PICTURES, draw
    from sw.report.publish import DOCS, require_docs

    require_docs(DOCS, *(f"{FOLDER}/{name}.png" for name in PICTURES), PICTURE)
    for path in (*draw(DOCS), draw_areas(DOCS)):
        typer.echo(f"wrote {path}")


def parts() -> dict[str, str]:
    """Return all generated parts, by name."""
    from sw.experiments.ablation.page import parts as ablation_parts
    from sw.experiments.asic import asic_parts
    from sw.experiments.hardwired import hardwired_parts
    from sw.experiments.measured import measured_parts
    from sw.experiments.memory.page import parts as memory_parts
    from sw.experiments.table.own import own_result_parts
    from sw.experiments.table.report import compared_parts
    from sw.report.wire import wire_parts
    from sw.report.yours import own_parts

    measured = measured_parts() | compared_parts() | memory_parts() | ablation_parts()
    measured |= own_parts() | own_result_parts() | asic_parts() | hardwired_parts()
    own = {"ranges": ranges(), "estimates": estimates(), "asic-widths": widths()}
    return measured | chip_parts() | wire_parts() | own


def chip_parts() -> dict[str, str]:
    """Return the tables of the chip's builds and of its clocks."""
    from hw.checker import check_clocks
    from hw.clocks import pass_clocks, run_clocks, run_overhead
    from hw.flow.verilog import multipliers
    from hw.shapes import FOLDINGS, Geometry
    from sw.report.docs import table

    chips = [Geometry(filters=filters) for filters in FOLDINGS]
    foldings = table(
        ("F", "L", "P", "words a cell", "slots a cell", "multipliers"),
        (
            (c.filters, c.lanes, c.parallel, c.words, c.slots, sum(multipliers(c).values()))
            for c in chips
        ),
    )
    clocks = table(
        ("F", "clocks of T ungated steps", "T = 10"),
        (
            (
                c.filters,
                f"T * {pass_clocks(c):,} + {run_overhead(c)}",
                f"{run_clocks(c, c.spec.steps):,}",
            )
            for c in chips
        ),
    )
    places = [Geometry(filters=filters, skeletons=1) for filters in FOLDINGS]
    check = table(
        ("F", "clocks of the check, one place"),
        ((place.filters, f"{check_clocks(place):,}") for place in places),
    )
    return {"foldings": foldings, "clocks": clocks, "check": check}


def widths() -> str:
    """Return the bits of the sums of the chip for standard cells, as `digits` needs them."""
    from golden.skeleton import Skeleton, find
    from hw.asic import ranges as asic
    from hw.shapes import TAPS, Geometry, mix_sum, tap_sum, update_sum
    from hw.skeleton_memory import images
    from sw.report.docs import table

    skeleton = Skeleton.load(find("digits"))
    geometry = Geometry(spec=skeleton.spec.ungated, filters=1, skeletons=1)
    rows, filters = images(geometry, [skeleton]), geometry.spec.filters
    sums = (
        ("a filter, with its bias", asic.filter_sum(rows), tap_sum(TAPS)),
        ("hidden codes towards a channel", asic.total_sum(geometry, rows), mix_sum(filters)),
        ("the same with its bias", asic.update_sum(geometry, rows), update_sum(filters)),
    )
    return table(
        ("sum", "bits for `digits`", "bits for any skeleton"),
        ((name, own.width, every.width) for name, own, every in sums),
    )


def estimates() -> str:
    """Return what `thalweg estimate` says of each board with `digits`."""
    from golden.skeleton import Skeleton, find
    from hw.boards.catalogue import BOARDS
    from hw.flow.estimate import estimate
    from sw.report.docs import table

    spec = Skeleton.load(find("digits")).spec
    rows = []
    for board in BOARDS.values():
        made, part = estimate(board, spec), board.part
        rows.append([
            f"`{board.name}`, F = {made['filters']}",
            *(f"{made[kind]:,} of {getattr(part, kind):,}" for kind in ("multipliers", "bram")),
            *(f"{made[kind]:,}" for kind in ("lut", "ff")),
            f"{made['clocks_per_digit']:,}",
            f"{made['digits_per_second_engine']:,.0f}",
            f"{made['digits_per_second_gated']:,.0f}",
        ])
    headings = ("multipliers", "block RAM", "LUT", "FF", "clocks a digit", "digits a second")
    return table(("board", *headings, "gated"), rows)


def ranges() -> str:
    """Return the table of a valid skeleton's ranges, and of the accumulators that follow."""
    from golden.skeleton import LAYERS
    from golden.skeleton import ranges as allowed
    from golden.spec import Spec
    from hw.flow.verilog import accumulators
    from sw.report.docs import table

    widths = accumulators(Spec())
    rows = []
    for layer in LAYERS:
        spans = (f"{codes[0]:,} to {codes[-1]:,}" for codes in allowed(layer).values())
        shape = widths[layer]
        rows.append([layer, *spans, f"{shape.width} bits"])
    return table(("layer", "weight", "bias", "shift", "accumulator"), rows)
