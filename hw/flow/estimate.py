"""What a board's chip takes and gives, before any tool has run; and what would have to shrink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from golden.errors import InputError
from golden.spec import Spec
from hw.boards.ecp5 import MOST_ROWS
from hw.boards.rates import gated_rate
from hw.flow.area import CELL_NAMES, area, deepest
from hw.flow.report import engine_rates, step_seconds
from hw.shapes import SIDES, Geometry, foldings

if TYPE_CHECKING:
    from hw.boards.catalogue import BoardSpec

__all__ = ["best_filters", "builds", "estimate", "lacking", "limits"]

RATES = ("clocks_per_digit", "digits_per_second_engine", "digits_per_second_gated")
"""What a report and an estimate have in common, beside area."""


def estimate(
    board: BoardSpec, spec: Spec, filters: int | None = None, link: str = "uart"
) -> dict[str, Any]:
    """Return what a board's chip for ``spec`` takes and gives.

    ``filters`` are the perception filters per clock, by default the most that fit the part.
    """
    found = board.require_link(link)
    filters = best_filters(board, spec, link) if filters is None else filters
    geometry = geometry_of(spec, filters)
    cells = area(geometry, link)
    step = step_seconds(geometry, board.clock)
    gated = gated_rate(spec, found, step)
    rates = engine_rates(geometry, board.clock, gated, cells["multipliers"])
    return {
        "board": board.name,
        "filters": filters,
        "link": link,
        **cells,
        **{name: rates[name] for name in RATES},
        "fits": fits(board, spec, filters, link),
    }


def best_filters(board: BoardSpec, spec: Spec, link: str = "uart") -> int:
    """Return the most filters per clock that fit a board's part; the fewest if none do."""
    able = builds(spec)
    return next((f for f in reversed(able) if not lacking(board, spec, f, link)), able[0])


def builds(spec: Spec) -> list[int]:
    """Return the filters per clock that a chip for ``spec`` can have; raise if there is none."""
    able = []
    for filters in foldings(spec.multiplier):
        try:
            able.append(geometry_of(spec, filters).filters)
        except InputError:
            if not able:  # the fewest filters are refused for what the spec is
                raise
    return able


def geometry_of(spec: Spec, filters: int) -> Geometry:
    """Return the build of a chip for ``spec``, whose digits take as many steps as it says."""
    return Geometry(spec=replace(spec.ungated, steps=spec.steps), filters=filters)


def lacking(
    board: BoardSpec, spec: Spec, filters: int, link: str = "uart", *, promised: bool = False
) -> list[str]:
    """Return what a part has too little of, each with what is wanted and what is there.

    With ``promised``, only what the part's data sheet promises is there.
    """
    geometry = geometry_of(spec, filters)
    there = board.part.promised if promised else {}
    wants = [
        *(
            (want, CELL_NAMES[kind], there.get(kind, getattr(board.part, kind)))
            for kind, want in area(geometry, link).items()
        ),
        (deepest(geometry), "rows of a memory", MOST_ROWS),
    ]
    return [f"{want:,} {name} (of {most:,})" for want, name, most in wants if want > most]


def fits(board: BoardSpec, spec: Spec, filters: int, link: str = "uart") -> bool | str:
    """Return True, or a sentence that says what would have to shrink."""
    if missing := lacking(board, spec, filters, link):
        return f"The chip needs {', '.join(missing)}: {remedy(board, spec, filters, link)}."
    if beyond := lacking(board, spec, filters, link, promised=True):
        less = remedy(board, spec, filters, link, promised=True)
        return f"The chip fits the die, but not the data sheet: {', '.join(beyond)}; {less}."
    return True


def remedy(
    board: BoardSpec, spec: Spec, filters: int, link: str = "uart", *, promised: bool = False
) -> str:
    """Return the least change by which a chip fits: fewer filters per clock, or a smaller side."""
    for smaller, fewer in smaller_ones(spec, filters):
        if not lacking(board, smaller, fewer, link, promised=promised):
            if smaller == spec:
                return f"F = {fewer} would fit"
            return f"a side of {smaller.width} with F = {fewer} would fit"
    return "no smaller one fits"


def smaller_ones(spec: Spec, filters: int) -> Iterator[tuple[Spec, int]]:
    """Yield smaller chips, the largest ones first."""
    fewer = [f for f in reversed(builds(spec)) if f < filters]
    yield from ((spec, f) for f in fewer)
    for side in reversed(SIDES):
        if side < max(spec.height, spec.width):
            sides = {name: min(side, getattr(spec, name)) for name in ("height", "width", "image")}
            smaller = replace(spec, **sides)
            yield from ((smaller, f) for f in (filters, *fewer))


def limits(board: BoardSpec, spec: Spec, made: dict[str, Any]) -> list[str]:
    """Return what holds back the chip of an estimate: each a sentence."""
    more = [f for f in builds(spec) if f > made["filters"]]
    found = []
    if not more:
        found.append(f"Engine: F = {made['filters']} is the most that the chip can have.")
    elif missing := lacking(board, spec, more[0], made["link"]):
        found.append(f"Engine: F = {more[0]} would need {', '.join(missing)}.")
    else:
        found.append(f"Engine: F = {more[0]} would fit, too.")
    gated, engine = made["digits_per_second_gated"], made["digits_per_second_engine"]
    # Also beside a link that carries far more, images travel before and after a run.
    if spec.gate and gated < 0.9 * engine:
        found.append(f"Gated digits: the link carries {gated:,} a second.")
    elif spec.gate:
        found.append("Gated digits: the link carries more than the engine computes.")
    return found
