"""The verb bench: speed of golden, training, simulations and links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sw.cli.common import find_named_board

__all__ = ["bench"]

GATED = ("digits", "digits-swift")
"""Skeletons whose gated digits are taken apart."""

DIGITS = 16
"""Digits that follow each other in each of these measurements."""


def bench(
    output: Annotated[Path, typer.Option(help="file for the results")] = Path(
        "build/bench/results.json"
    ),
    board: Annotated[str, typer.Option(help="board for the time of gated digits")] = "ulx3s-25f",
) -> None:
    """Measure the speed of golden, peers, gate, page, training, simulations; clocks of a digit.

    \b
    thalweg bench
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import write_json
    from golden.speed import measure as measure_golden
    from sim.measure.speed import measure as measure_simulation
    from sw.experiments.peers import measure as measure_peers
    from sw.play.speed import measure as measure_page
    from sw.runs.writable import require_writable
    from sw.train.speed import measure as measure_training

    found = find_named_board(board)
    require_writable(output)
    results = measure_golden() | measure_peers(typer.echo) | measure_page(typer.echo)
    results |= measure_training(typer.echo)
    results |= measure_simulation(progress=typer.echo)
    show_rates(results)
    results |= wires(found.filters, found.clock)
    show_wires(results["gated"])
    write_json(output, results)
    typer.echo(f"wrote {output}")


def wires(filters: int, clock: float) -> dict[str, Any]:
    """Measure the time of gated digits over each link."""
    from sim.measure.throughput import Case, measure
    from sw.data.damage import blank
    from sw.data.load import show_digits
    from sw.runs.loading import load_run
    from sw.serial.device import ChipDevice

    damaged = blank(show_digits()[0][:DIGITS], range(DIGITS))
    cases = [Case.of(*load_run(name), damaged, ChipDevice) for name in GATED]
    return {"gated": measure(cases, filters, clock, progress=typer.echo)}


def show_wires(gated: dict[str, Any]) -> None:
    """Print the shares of the time of gated digits."""
    clock = f"F = {gated['filters']}, {gated['clock_mhz']} MHz"
    typer.echo(f"{gated['digits']} gated digits, {clock}, a digit:")
    for row in gated["rows"]:
        shares = ", ".join(
            f"{name} {row[name] / row['clocks']:.0%}" for name in ("wire", "engine", "gate", "idle")
        )
        typer.echo(
            f"{row['skeleton']}, {row['link']}, {row['contexts']} contexts, "
            f"gate {row['gate']:,} clocks: {row['clocks']:,} clocks, {shares}, "
            f"{row['to_chip'] + row['from_chip']:,} bytes, {row['digits_per_second']} a second"
        )


def show_rates(results: dict[str, Any]) -> None:
    """Print the measured rates."""
    for name, value in (results | results.get("training", {})).items():
        if not isinstance(value, dict):
            typer.echo(f"{name.replace('_', ' ')}: {value:,}")
    for threads, rates in results.get("peers", {}).get("threads", {}).items():
        for name, rate in rates.items():
            typer.echo(f"{name}, {threads} threads: {rate:,} digits a second")
    for filters, engine in results["engine"].items():
        for kind in ("ungated", "gated"):
            typer.echo(
                f"F = {filters}, {engine[f'digits_{kind}']} {kind}: "
                f"{engine[f'clocks_{kind}']:,} clocks, "
                f"{engine[f'occupancy_{kind}']:.2%} of multiplier slots busy"
            )
