"""The verb that measures what a skeleton remembers: memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError
from sw.cli.common import (
    DataFolder,
    GateFile,
    NoGate,
    chip_digest,
    load_subject,
    open_device,
    progress,
)
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["memory"]


def memory(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="EXPERIMENT...", help="which experiments; default: all"),
    ] = None,
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")] = "digits-memory",
    gate: GateFile = None,
    no_gate: NoGate = False,
    images: Annotated[int, typer.Option(min=10, help="digits, from the first on")] = 1000,
    noise: Annotated[int, typer.Option(min=10, max=100_000, help="starts from pure noise")] = 100,
    full: Annotated[
        bool, typer.Option("--full", help="all digits and 10,000 starts from noise")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="seed of everything drawn")] = 0,
    no_chip: Annotated[
        bool, typer.Option("--no-chip", help="leave out the samples on the simulated chip")
    ] = False,
    data: DataFolder = None,
    letters: Annotated[
        Path | None,
        typer.Option(help="folder of letters' IDX files; default: letters-upper in the data"),
    ] = None,
    output: Annotated[Path, typer.Option(help="folder for memory.json and the pictures")] = Path(
        "build/memory"
    ),
    docs: Annotated[
        bool, typer.Option("--docs", help="also put results and pictures into docs")
    ] = False,
) -> None:
    """Measure memory by falling: what holds, where noise ends, what damage does, what it costs.

    \b
    thalweg memory
    thalweg memory holding valleys --skeleton mine/skeleton --images 200
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.experiments.memory.catalogue import choose_experiments, find_experiments
    from sw.experiments.memory.page import require_docs
    from sw.experiments.memory.run import run
    from sw.experiments.memory.supply import LETTERS, gates_beside, letters_at, missing_letters
    from sw.experiments.memory.task import Task
    from sw.judge.evaluate import digits_to_judge, require_size

    names = experiments or []
    find_experiments(names)
    if docs and names:
        raise InputError(f"--docs must come with all experiments, not with {names[0]!r}")
    if docs:
        require_docs()
    loaded, network = load_subject(skeleton, gate, no_gate)
    amount = None if full else images
    alphabet = letters_at(letters, data, amount)
    others = gates_beside(skeleton, loaded, LETTERS if alphabet is None else alphabet.rows)
    chosen = choose_experiments(
        names, loaded, network, missing_letters(alphabet, others, loaded.name), typer.echo
    )
    digits = digits_to_judge(load(data, download=True), amount)
    require_size(digits, loaded)
    task = Task(
        loaded,
        network,
        digits,
        letters=alphabet,
        gates=others,
        noise=10_000 if full else noise,
        seed=seed,
        chip=None if no_chip else chip,
        toggles=None if no_chip else toggles,
        chip_digest=None if no_chip else chip_digest(loaded),
        progress=progress,
    )
    results = run(task, chosen, output, typer.echo)
    show([bar for bars in results["bars"].values() for bar in bars])
    typer.echo(f"wrote {output / 'memory.json'}")
    if docs:
        publish_memory(output)


def publish_memory(folder: Path) -> None:
    """Take what was measured into docs."""
    from sw.cli.docs import docs
    from sw.experiments.memory.page import publish

    typer.echo(f"wrote {publish(folder)}")
    docs()


def chip(skeleton: Skeleton) -> Device:
    """Open the simulated chip with this skeleton."""
    return open_device("simulated", (skeleton,))


def toggles(*run: Any) -> dict[str, int]:
    """Count the toggles of a run on the simulated chip."""
    from sim.measure.toggles import count

    counted: dict[str, int] = count(*run)
    return counted


def show(bars: list[dict[str, Any]]) -> None:
    """Print which bars are met."""
    from rich.table import Table

    grid = Table("", "bar", "measured", "met")
    for bar in bars:
        grid.add_row(bar["name"], bar["bar"], bar["measured"], "yes" if bar["met"] else "NO")
    console().print(grid)
    typer.echo(f"{sum(bar['met'] for bar in bars)} of {len(bars)} bars are met")
