"""The verb sim: comparison of the chip's Verilog with golden."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError
from sw.cli.common import (
    FILTERS,
    HARDWIRED,
    DataFolder,
    GateFile,
    Hardwired,
    NoGate,
    OwnFilters,
    Subject,
    load_subject,
    progress,
    require_folded,
)

if TYPE_CHECKING:
    import numpy as np

    from golden.gate import GateNetwork
    from golden.skeleton import Skeleton

__all__ = ["simulate"]


COCOTB = 2
"""Number of digits for the cocotb bench, which compares every step and is slow."""


def simulate(
    subject: Subject = "digits",
    images: Annotated[int, typer.Option(min=1, help="damaged digits to restore")] = 20,
    filters: OwnFilters = None,
    hardwired: Hardwired = False,
    netlist: Annotated[
        bool, typer.Option("--netlist", help="with --hardwired: the netlist for an ECP5")
    ] = False,
    gate: GateFile = None,
    no_gate: NoGate = False,
    data: DataFolder = None,
) -> None:
    """Compare the chip's Verilog with golden: the first digits in cocotb, then on the fast device.

    \b
    thalweg sim digits --images 20
    thalweg sim digits --images 2 --hardwired
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.damage import blank
    from sw.data.load import load
    from sw.judge.evaluate import images_to_judge, require_size

    require_folded(filters, hardwired)
    require_ungated(hardwired, gate, netlist)
    skeleton, network = load_subject(subject, gate, no_gate or hardwired)
    filters = FILTERS if filters is None else filters
    digits = images_to_judge(load(data), images)
    require_size(digits, skeleton)
    damaged = blank(digits.images, range(len(digits.images)))
    if hardwired:
        typer.echo(f"{len(damaged)} damaged {digits.rows} digits on the hardwired chip")
        compare_hardwired_chip(skeleton, damaged, netlist)
        return
    typer.echo(f"{len(damaged)} damaged {digits.rows} digits on the chip, F = {filters}")
    compare_cocotb(skeleton, network, damaged[:COCOTB], filters)
    if len(damaged) > COCOTB:
        compare_device(skeleton, network, damaged[COCOTB:], filters)


def require_ungated(hardwired: bool, gate: Path | None, netlist: bool) -> None:
    """Raise where a gate is given to a chip that has none, or its netlist is asked of another."""
    if hardwired and gate is not None:
        raise InputError("--hardwired and --gate must not be given together")
    if netlist and not hardwired:
        raise InputError("--netlist must be given with --hardwired: see thalweg netlist-sim")


def compare_hardwired_chip(skeleton: Skeleton, damaged: np.ndarray, netlist: bool) -> None:
    """Hold every code of every step of the hardwired chip under cocotb against golden."""
    from sim.hardwired import compare_hardwired

    typer.echo("cocotb, all of them, every code of every step (a build first, some minutes) ...")
    folder = HARDWIRED if netlist else None
    steps = max(2, skeleton.spec.steps)  # the bench resumes a run
    seconds = compare_hardwired(skeleton, damaged, steps, netlist=folder)
    what = "netlist" if netlist else "Verilog"
    typer.echo(f"cocotb: {what} equal to golden on {len(damaged)} digits, in {seconds:.0f} s")


def compare_cocotb(
    skeleton: Skeleton, network: GateNetwork | None, damaged: np.ndarray, filters: int
) -> dict[str, Any]:
    """Hold every code of every step of some digits under cocotb against golden; return counts."""
    from hw.shapes import Geometry
    from sim.cocotb_run import Plan, run_chip_bench

    typer.echo(f"cocotb, {len(damaged)} of them, every code of every step ...")
    seconds = run_chip_bench(
        Geometry(spec=skeleton.spec.ungated, filters=filters),
        (skeleton,),
        Plan(image_mappings=("none" if network is None else "own",), steps=skeleton.spec.steps),
        name=f"digits-f{filters}",
        images=damaged,
        networks=() if network is None else (network,),
        tests="every_image",
    )
    typer.echo(f"cocotb: equal to golden on {len(damaged)} digits")
    return {"images": len(damaged), "seconds": round(seconds, 1)}


def compare_device(
    skeleton: Skeleton, network: GateNetwork | None, damaged: np.ndarray, filters: int
) -> dict[str, Any]:
    """Hold every code of every state of some digits on the fast device against golden.

    Return counts of images, codes and clocks.
    """
    from sim.proof.prove import Restorer, prove

    restorer = Restorer(skeleton, network, skeleton.spec.steps)
    with progress("simulating", len(damaged)) as advance:
        proof = prove(restorer, damaged, filters=filters, progress=advance)
    typer.echo(
        f"fast device: equal to golden on {proof.images} digits, "
        f"{proof.codes:,} codes, {proof.clocks:,} clocks"
    )
    return {"images": proof.images, "codes": proof.codes, "clocks": proof.clocks}
