"""The verb that measures what a skeleton remembers: memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

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
from sw.cli.request import takes
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.device import Device
    from golden.gate import GateNetwork
    from golden.skeleton import Skeleton
    from sw.experiments.memory.task import Task
    from sw.judge.evaluate import Judged

__all__ = ["memory"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg memory` is asked for."""

    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="EXPERIMENT...", help="which experiments; default: all"),
    ] = None
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")] = "digits-memory"
    gate: GateFile = None
    no_gate: NoGate = False
    images: Annotated[int, typer.Option(min=10, help="digits, from the first on")] = 1000
    noise: Annotated[int, typer.Option(min=10, max=100_000, help="starts from pure noise")] = 100
    full: Annotated[
        bool, typer.Option("--full", help="all digits and 10,000 starts from noise")
    ] = False
    seed: Annotated[int, typer.Option(min=0, help="seed of everything drawn")] = 0
    no_chip: Annotated[
        bool, typer.Option("--no-chip", help="leave out the samples on the simulated chip")
    ] = False
    data: DataFolder = None
    letters: Annotated[
        Path | None,
        typer.Option(help="folder of letters' IDX files; default: letters-upper in the data"),
    ] = None
    output: Annotated[Path, typer.Option(help="folder for memory.json and the pictures")] = Path(
        "build/memory"
    )
    docs: Annotated[
        bool, typer.Option("--docs", help="also put results and pictures into docs")
    ] = False

    @property
    def amount(self) -> int | None:
        """How many digits and letters are taken; None is all."""
        return None if self.full else self.images


@takes(Request)
def memory(request: Request) -> None:
    """Measure memory by falling: what holds, where noise ends, what damage does, what it costs.

    \b
    thalweg memory
    thalweg memory holding valleys --skeleton mine/skeleton --images 200
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.experiments.memory.catalogue import choose_experiments, find_experiments
    from sw.experiments.memory.page import require_docs
    from sw.experiments.memory.run import run
    from sw.experiments.memory.supply import missing_letters

    names, output = request.experiments or [], request.output
    find_experiments(names)
    if request.docs and names:
        raise InputError(f"--docs must come with all experiments, not with {names[0]!r}")
    if request.docs:
        require_docs()
    subject = Subject.of(request)
    lacking = missing_letters(subject.letters, subject.gates, subject.skeleton.name)
    chosen = choose_experiments(names, subject.skeleton, subject.network, lacking, typer.echo)
    results = run(subject.task(request), chosen, output, typer.echo)
    show([bar for bars in results["bars"].values() for bar in bars])
    typer.echo(f"wrote {output / 'memory.json'}")
    if request.docs:
        publish_memory(output)


@dataclass(frozen=True)
class Subject:
    """What is measured: a skeleton, its gate, and the gates beside it that learnt letters."""

    skeleton: Skeleton
    network: GateNetwork | None
    letters: Judged | None
    gates: dict[str, GateNetwork]

    @classmethod
    def of(cls, request: Request) -> Self:
        """Load what a request names."""
        from sw.experiments.memory.supply import LETTERS, gates_beside, letters_at

        name = request.skeleton
        skeleton, network = load_subject(name, request.gate, request.no_gate)
        letters = letters_at(request.letters, request.data, request.amount)
        gates = gates_beside(name, skeleton, LETTERS if letters is None else letters.rows)
        return cls(skeleton, network, letters, gates)

    def task(self, request: Request) -> Task:
        """Return what experiments are given: as many digits and starts as are asked for."""
        from sw.data.load import load
        from sw.experiments.memory.task import Task
        from sw.judge.evaluate import digits_to_judge, require_size

        digits = digits_to_judge(load(request.data, download=True), request.amount)
        require_size(digits, self.skeleton)
        on_chip = not request.no_chip
        return Task(
            self.skeleton,
            self.network,
            digits,
            letters=self.letters,
            gates=self.gates,
            noise=10_000 if request.full else request.noise,
            seed=request.seed,
            chip=chip if on_chip else None,
            toggles=toggles if on_chip else None,
            chip_digest=chip_digest(self.skeleton) if on_chip else None,
            progress=progress,
        )


def publish_memory(folder: Path) -> None:
    """Take what was measured into docs."""
    from sw.cli.docs import docs
    from sw.experiments.memory.page import publish

    typer.echo(f"wrote {publish(folder)}")
    docs()


def chip(*skeletons: Skeleton) -> Device:
    """Open the simulated chip with these skeletons."""
    return open_device("simulated", skeletons)


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
