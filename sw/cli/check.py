"""The verb that checks a device: check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import Difference, InputError
from sw.cli.common import (
    BAUD,
    Baud,
    DeviceName,
    Filters,
    device_facts,
    open_device,
    require_device,
)
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.device import Counters
    from golden.skeleton import Skeleton
    from golden.spec import Spec
    from sw.check.run import Result
    from sw.check.target import Subject, Target

__all__ = ["check"]

SERIAL = "serial:"


def check(
    device: DeviceName = "golden",
    skeleton: Annotated[
        list[str] | None,
        typer.Option(
            help="shipped skeleton, or a folder; may be repeated; "
            "default: the shipped ones, those of them that a board holds"
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="a few lattices: seconds")] = False,
    seed: Annotated[int, typer.Option(min=0, help="seed of all that is drawn")] = 0,
    filters: Filters = 5,
    baud: Baud = BAUD,
    output: Annotated[Path, typer.Option(help="file for the report")] = Path(
        "build/check/check.json"
    ),
) -> None:
    """Compare a device with golden, code for code, and write a report for a bug report.

    All checks are made, whatever one finds; a difference ends with code 1. What a device cannot do
    is told as not available, not as equal.

    \b
    thalweg check --device serial:/dev/ttyUSB0
    thalweg check --device simulated --filters 1 --quick
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import remove, write_json
    from sw.check.bench import FULL, QUICK
    from sw.check.report import report, summary
    from sw.check.target import load_subjects
    from sw.runs.writable import require_writable

    require_device(device, filters)
    require_writable(output)
    subjects, count = load_subjects(skeleton), QUICK if quick else FULL
    told: dict[str, Any] = {"quick": quick, "lattices": count, "seed": seed}
    told |= {"skeleton": skeleton, "baud": baud if device.startswith(SERIAL) else None}
    results: list[Result] = []
    with open_target(device, subjects, filters, baud, named=bool(skeleton)) as target:
        remove(output)  # of an earlier check: one that is interrupted leaves none
        error = collect(target, count, seed, results)
        named = device_facts(device, filters)
        ended = None if error is None else str(error)
        write_json(output, report(target, results, named, told, ended))
    typer.echo(summary(results))
    typer.echo(f"wrote {output}: attach it to a bug report")
    if error is not None:
        raise error
    require_equal(results)


def require_equal(results: list[Result]) -> None:
    """Raise the first difference, if there is one, with how many checks differ."""
    from sw.check.report import summary

    for result in results:
        if result.tally.differing:
            raise Difference(f"{result.job.title}: {result.tally.first}; {summary(results)}")


def collect(target: Target, count: int, seed: int, results: list[Result]) -> InputError | None:
    """Make all checks, print a line for each, and gather results; return what broke them off."""
    from sw.check.report import line_of
    from sw.check.run import jobs_of, make

    jobs = jobs_of(target.subjects)
    try:
        for number, job in enumerate(jobs, 1):
            with working(f"{job.title} ({number} of {len(jobs)})"):
                results.append(make(target, job, count, seed))
            typer.echo(line_of(results[-1]))
    except InputError as error:
        return error
    return None


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on a terminal what goes on."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield
        return
    with screen.status(text):
        yield


@contextmanager
def open_target(
    device: str, subjects: tuple[Subject, ...], filters: int, baud: int, *, named: bool
) -> Iterator[Target]:
    """Give a device as what is checked; the skeletons are those that it must, or may, hold."""
    from sw.check.board import board_target
    from sw.check.target import Target
    from sw.serial.port import SerialPort

    if device.startswith(SERIAL):
        with closing(SerialPort(device.removeprefix(SERIAL), baud)) as port:
            yield board_target(port, subjects, predict, named=named)
        return

    def opened(skeletons: tuple[Skeleton, ...]) -> Any:
        return open_device(device, skeletons, filters)

    for subject in subjects:  # what does not fit is refused, and what is to be built is built now
        opened((subject.skeleton,))
    if device == "golden":
        yield Target(subjects=subjects, open=opened)
        return
    spec = subjects[0].skeleton.spec.ungated
    yield Target(
        subjects=subjects,
        open=opened,
        damaged=lambda: {
            each.skeleton.name: bool(opened((each.skeleton,)).damaged) for each in subjects
        },
        clocks=lambda steps: predict(spec, filters, steps),
    )


def predict(spec: Spec, filters: int, steps: int) -> Counters:
    """Return what the engine counts in an ungated run of one lattice."""
    from golden.device import Counters
    from hw.clocks import busy_clocks, run_clocks
    from hw.shapes import Geometry

    geometry = Geometry(spec=spec, filters=filters)
    return Counters(clocks=run_clocks(geometry, steps), busy=busy_clocks(geometry, steps))
