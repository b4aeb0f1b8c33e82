"""The verbs that build and simulate the chip: verilog, sim, demo and bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from golden.errors import InputError
from sw.cli.common import (
    DataFolder,
    Filters,
    GateFile,
    NoGate,
    Subject,
    board_named,
    progress,
)

__all__ = ["bench", "bitstream", "demo", "program", "simulate", "verilog"]


def verilog(
    subjects: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders")
    ],
    filters: Filters = 5,
    output: Annotated[Path, typer.Option(help="folder for <top>.v and <top>.json")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write a chip that holds skeletons as portable Verilog, and its facts as JSON.

    \b
    thalweg verilog digits
    thalweg verilog digits mine/skeleton --filters 1 --output build/small
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.flow.verilog import top_name, write_chip
    from hw.shapes import Geometry
    from sw.runs.writable import require_writable

    room = places(len(subjects))
    skeletons = [Skeleton.load(find(name)) for name in subjects]
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters, skeletons=room)
    top = top_name(geometry)
    require_writable(*(output / f"{top}.{ending}" for ending in ("v", "json")))
    typer.echo(f"wrote {write_chip(geometry, skeletons, output)}")


def bitstream(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="board, such as ulx3s-25f")],
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME_OR_DIR...", help="skeletons of the chip; digits unless told"),
    ] = None,
    filters: Annotated[
        int | None,
        typer.Option(help="filters per clock: 1, 2 or 5; what fills the part unless told"),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="placements to try; the fastest is kept")
    ] = 5,
    output: Annotated[
        Path | None, typer.Option(help="folder for thalweg.bit; build/BOARD unless told")
    ] = None,
) -> None:
    """Make a bitstream of the chip behind its UART, and report area and clock.

    Goes on where it was interrupted.

    \b
    thalweg bitstream ulx3s-25f
    thalweg bitstream ulx3s-25f digits mine/skeleton --seeds 1
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.boards.catalogue import find_board
    from hw.flow.build import build

    found = find_board(board)
    skeletons = [Skeleton.load(find(name)) for name in subjects or ["digits"]]
    folder = output or Path("build") / board
    report = build(found, skeletons, folder, filters=filters, seeds=seeds, say=typer.echo)
    clocks = report["fmax_mhz"]
    typer.echo(
        f"{clocks['min']} / {clocks['median']} / {clocks['max']} MHz over {clocks['seeds']} seeds, "
        f"clock {report['clock_mhz']} MHz"
    )
    typer.echo(f"wrote {folder / 'thalweg.bit'} and {folder / 'report.json'}")


def program(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="board, such as ulx3s-25f")],
    bitstream: Annotated[
        Path | None, typer.Option(help="bitstream; build/BOARD/thalweg.bit unless told")
    ] = None,
    flash: Annotated[bool, typer.Option("--flash", help="into the flash, to stay there")] = False,
) -> None:
    """Load a board's bitstream with openFPGALoader.

    \b
    thalweg program ulx3s-25f
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from hw.boards.catalogue import find_board
    from hw.flow.loading import program

    found = find_board(board)
    program(found, bitstream or Path("build") / board / "thalweg.bit", flash=flash)
    typer.echo(f"{board} runs it")


def places(count: int) -> int:
    """Return the number of skeletons that a chip for ``count`` has room for: a power of two."""
    from hw.shapes import MOST_SKELETONS

    if count > MOST_SKELETONS:
        raise InputError(f"The chip holds at most {MOST_SKELETONS} skeletons, not {count}")
    return max(4, 1 << (count - 1).bit_length())


def simulate(
    subject: Subject = "digits",
    images: Annotated[int, typer.Option(min=1, help="damaged digits to restore")] = 20,
    filters: Filters = 5,
    gate: GateFile = None,
    no_gate: NoGate = False,
    data: DataFolder = None,
) -> None:
    """Compare the chip's Verilog with golden: cocotb for the first digits, the fast device after.

    \b
    thalweg sim digits --images 20
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from hw.shapes import Geometry
    from sim.benches.cocotb_run import run_chip_bench
    from sim.proof.prove import prove
    from sw.data.damage import blank
    from sw.data.load import load
    from sw.judge.evaluate import judged
    from sw.runs.loading import load_run

    skeleton, network = load_run(subject, gate, gated=not no_gate)
    digits = judged(load(data), images)
    damaged = blank(digits.images, range(len(digits.images)))
    typer.echo(f"{len(damaged)} damaged {digits.rows} digits on the chip, F = {filters}")
    geometry = Geometry(spec=skeleton.spec.ungated, filters=filters)
    few = min(len(damaged), COCOTB)
    typer.echo(f"cocotb, {few} of them, every code of every step ...")
    run_chip_bench(
        geometry,
        (skeleton,),
        name=f"digits-f{filters}",
        images=damaged[:few],
        networks=() if network is None else (network,),
        image_mappings=("none" if network is None else "own",),
        steps=skeleton.spec.steps,
        tests="every_image",
    )
    typer.echo(f"cocotb: equal to golden on {few} digits")
    if len(damaged) > few:
        with progress("simulating", len(damaged) - few) as advance:
            proof = prove(
                skeleton,
                network,
                damaged[few:],
                steps=skeleton.spec.steps,
                filters=filters,
                progress=advance,
            )
        typer.echo(
            f"fast device: equal to golden on {proof.images} digits, "
            f"{proof.codes:,} codes, {proof.clocks:,} clocks"
        )


COCOTB = 2
"""Digits that the cocotb bench takes: it looks at every step, and is slow."""


def demo(
    subject: Subject = "digits",
    images: Annotated[int, typer.Option(min=1, max=100, help="show digits to restore")] = 20,
    output: Annotated[Path, typer.Option(help="folder for restored.png and report.json")] = Path(
        "build/demo"
    ),
    filters: Filters = 5,
) -> None:
    """Restore damaged digits on the simulated chip, and hold every code against golden.

    \b
    thalweg demo
    thalweg demo digits --images 100 --filters 1
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.cli.common import open_device
    from sw.restore.demo import demonstrate
    from sw.runs.loading import load_run
    from sw.runs.writable import require_writable

    skeleton, network = load_run(subject)
    require_writable(output / "restored.png", output / "report.json")
    chip = open_device("simulated", (skeleton,), filters)
    with progress("restoring", images) as advance:
        demonstrate(chip, skeleton, network, images, output, progress=advance)


def bench(
    output: Annotated[Path, typer.Option(help="file for the results")] = Path(
        "build/bench/results.json"
    ),
    board: Annotated[
        str, typer.Option(help="board whose gated digits are taken apart")
    ] = "ulx3s-25f",
) -> None:
    """Measure speed: golden, gate, training, simulations, the clocks of a digit, over a wire.

    \b
    thalweg bench
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.files import write_json
    from golden.speed import measure as measure_golden
    from sim.measure.speed import measure as measure_simulation
    from sw.runs.writable import require_writable
    from sw.train.speed import measure as measure_training

    found = board_named(board)
    require_writable(output)
    results = measure_golden() | measure_training(typer.echo)
    results |= measure_simulation(progress=typer.echo)
    show_rates(results)
    results |= wires(found.filters, found.clock)
    show_wires(results["gated"])
    write_json(output, results)
    typer.echo(f"wrote {output}")


def wires(filters: int, clock: float) -> dict[str, Any]:
    """Take gated digits of the shipped skeleton apart."""
    from sim.measure.throughput import Case, measure
    from sw.data.damage import blank
    from sw.data.load import show_digits
    from sw.runs.loading import load_run
    from sw.serial.device import ChipDevice

    skeleton, network = load_run("digits")
    damaged = blank(show_digits()[0][:4], range(4))
    case = Case.of(skeleton, network, damaged, ChipDevice)
    return {"gated": measure(case, filters, clock, progress=typer.echo)}


def show_wires(gated: dict[str, Any]) -> None:
    """Print where the time of gated digits goes."""
    clock = f"F = {gated['filters']}, {gated['clock_mhz']} MHz"
    typer.echo(f"gated digits of {gated['skeleton']}, {clock}, a digit:")
    for row in gated["rows"]:
        shares = ", ".join(
            f"{name} {row[name] / row['clocks']:.0%}" for name in ("wire", "engine", "gate", "idle")
        )
        typer.echo(
            f"{row['link']}, {row['contexts']} contexts, gate {row['gate']:,} clocks: "
            f"{row['clocks']:,} clocks, {shares}, {row['to_chip'] + row['from_chip']:,} bytes, "
            f"{row['digits_per_second']} a second"
        )


def show_rates(results: dict[str, Any]) -> None:
    """Print what was measured."""
    for name, value in (results | results.get("training", {})).items():
        if not isinstance(value, dict):
            typer.echo(f"{name.replace('_', ' ')}: {value:,}")
    for filters, engine in results["engine"].items():
        for kind in ("ungated", "gated"):
            typer.echo(
                f"F = {filters}, {engine[f'digits_{kind}']} {kind}: "
                f"{engine[f'clocks_{kind}']:,} clocks, "
                f"{engine[f'occupancy_{kind}']:.2%} of multiplier slots busy"
            )
