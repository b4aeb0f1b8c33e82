"""The command line: each verb reads its arguments and calls the function that does the work.

Verbs import what they need when they run, so that `--help` and short commands start at once. This
is the one module of `sw` that reaches `hw` and `sim`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["app", "main", "open_device"]

FILTERS = (1, 2, 5)
"""Perception filters per clock that an engine is built for."""

Misuse: Any = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps it

app = typer.Typer(
    name="thalweg",
    help="memories that fall into place: train, restore, evaluate, build",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Subject = Annotated[
    str, typer.Argument(metavar="NAME_OR_DIR", help="shipped skeleton, or a folder")
]
DeviceName = Annotated[str, typer.Option(help="golden or simulated")]
GateFile = Annotated[
    Path | None, typer.Option(help="gate.safetensors of the run; the skeleton's own unless told")
]
NoGate = Annotated[bool, typer.Option("--no-gate", help="run the skeleton alone")]
Steps = Annotated[
    int | None, typer.Option(min=0, help="steps of the run; as the skeleton says unless told")
]
Damage = Annotated[
    float, typer.Option(min=0, max=1, help="share of each image's pixels that is blanked first")
]
Filters = Annotated[int, typer.Option(help="filters per clock of the simulated chip: 1, 2 or 5")]
DataFolder = Annotated[
    Path | None, typer.Option(help="folder of MNIST's IDX files; $THALWEG_DATA unless told")
]


def open_device(name: str, skeletons: tuple[Skeleton, ...], filters: int = 5) -> Device:
    """Open the device of that name with these skeletons; no other place knows the names."""
    if filters not in FILTERS:
        raise InputError(f"--filters must be 1, 2 or 5, not {filters}")
    if name == "golden":
        from golden.device import GoldenDevice

        return GoldenDevice(skeletons)
    if name == "simulated":
        from sim.device import SimulatedDevice

        device: Device = SimulatedDevice(skeletons, filters=filters)
        return device
    raise InputError(f"--device must be golden or simulated, not {name!r}")


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr, and give the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.advance(task, done)


@app.command()
def restore(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="PNG, .npy of images or raw lattices, IDX file, mnist:test[0:100] or show[0:100]",
        ),
    ],
    skeleton: Annotated[str, typer.Option(help="shipped skeleton, or a folder")],
    output: Annotated[Path, typer.Option(help="folder for restored.npy, PNGs and report.json")],
    device: DeviceName = "golden",
    gate: GateFile = None,
    no_gate: NoGate = False,
    steps: Steps = None,
    damage: Damage = 0.7,
    from_step: Annotated[
        int, typer.Option(min=0, help="step count of raw lattices, their delta applied")
    ] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="images are ink on paper")] = False,
    filters: Filters = 5,
    trace: Annotated[Path | None, typer.Option(help="write every state to this .npz")] = None,
    data: DataFolder = None,
) -> None:
    r"""Restore damaged images, or run raw lattices on.

    \b
    thalweg restore 'show[0:20]' --skeleton digits --output build/show
    thalweg restore scan.png --invert --damage 0 --skeleton digits --output build/scan
    """
    from sw import outputs
    from sw.images import read_input
    from sw.loading import load_run
    from sw.restore import restore_input

    loaded, network = load_run(skeleton, gate, gated=not no_gate)
    given = read_input(source, loaded.spec, data, invert=invert)
    opened = open_device(device, (loaded,), filters)
    opened.choose(0, gated=network is not None)
    outputs.prepare(output, *([] if trace is None else [trace.parent]))
    with progress("restoring", len(given)) as advance:
        restoration = restore_input(
            opened,
            network,
            given,
            steps=loaded.spec.steps if steps is None else steps,
            damage=damage,
            from_step=from_step,
            traced=trace is not None,
            progress=advance,
        )
    told = {"input": source, "device": device, "gated": network is not None}
    told |= outputs.report(restoration, loaded)
    if trace is not None:
        outputs.write_trace(trace, restoration)
    outputs.write(output, restoration, told)
    typer.echo(f"wrote {output / 'report.json'}")


@app.command("eval")
def evaluate(
    subject: Subject,
    device: DeviceName = "golden",
    images: Annotated[
        int | None, typer.Option(min=1, help="digits from the first on; all unless told")
    ] = None,
    gate: GateFile = None,
    no_gate: NoGate = False,
    steps: Steps = None,
    damage: Damage = 0.7,
    filters: Filters = 5,
    data: DataFolder = None,
    output: Annotated[
        Path | None, typer.Option(help="also write the results to this .json")
    ] = None,
) -> None:
    r"""Measure a skeleton on MNIST's test digits by the protocol.

    \b
    thalweg eval digits
    thalweg eval digits --device simulated --images 200 --output build/results.json
    """
    from sw import evaluate as work
    from sw.data import load
    from sw.loading import load_run
    from sw.outputs import prepare, write_json

    loaded, network = load_run(subject, gate, gated=not no_gate)
    digits = work.judged(load(data, download=True), images)
    work.require_size(digits, loaded)
    opened = open_device(device, (loaded,), filters)
    opened.choose(0, gated=network is not None)
    prepare(*([] if output is None else [output.parent]))
    with progress("restoring", len(digits.images)) as advance:
        results = work.evaluate(
            opened,
            network,
            digits,
            steps=loaded.spec.steps if steps is None else steps,
            share=damage,
            progress=advance,
        )
    results = work.describe(loaded, device) | results
    work.show(results)
    if output is not None:
        write_json(output, results)
        typer.echo(f"wrote {output}")


@app.command()
def referee(
    output: Annotated[Path, typer.Option(help="folder for its weights and provenance")],
    data: DataFolder = None,
) -> None:
    r"""Train the judge of digits anew; the one that ships is never trained again.

    \b
    thalweg referee --output build/referee
    """
    from sw.data import load
    from sw.referee.train import train

    record = train(load(data, download=True), output)
    typer.echo(f"{record['test_right']} of {record['test_digits']} clean test digits read right")
    typer.echo(f"wrote {output / 'weights.safetensors'}")


def main() -> None:
    """Run the command line: bad input is one line on stderr, exit code 2 and no traceback."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        code = complain(str(error))
    except Misuse as error:
        code = complain(error.format_message())
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def complain(text: str) -> int:
    """Say in one line what is wrong, and return the exit code of misuse."""
    print(f"thalweg: {' '.join(text.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
