"""The hardwired chip against golden in cocotb: its Verilog, or a netlist of it."""

import json
import time
from pathlib import Path

import numpy as np

from golden.samples import adversarial_states
from golden.skeleton import Skeleton
from hw.flow.hardwired import write_chip
from hw.flow.hardwired_placing import synthesise
from hw.flow.synthesis import NAME
from hw.flow.yosys import yosys
from hw.hardwired.plan import Plan
from sim.cocotb_run import bench_folder, run_bench
from sim.devices.asic import AsicDesign
from sim.devices.netlist import plain, read_top, write_library

__all__ = ["compare_hardwired"]

RANDOM = ["+verilator+rand+reset+2", "+verilator+seed+1"]
"""Arguments of a simulation in which everything begins with a random value."""


def compare_hardwired(
    skeleton: Skeleton,
    images: np.ndarray,
    steps: int,
    *,
    lattices: int = 2,
    netlist: Path | None = None,
    cells: AsicDesign | None = None,
) -> float:
    """Compare the hardwired chip with golden, every code of every step.

    Returns the seconds that it took.

    Parameters
    ----------
    skeleton : Skeleton
        What is built in; its gate is left out.
    images : np.ndarray
        Damaged images to restore, uint8 (n, image, image).
    steps : int
        Steps of a run, at least 2.
    lattices : int
        Raw lattices: first those that are made to be hard.
    netlist : Path, optional
        Folder of the netlist for an ECP5, which is simulated then in place of the Verilog; it is
        made there unless it is there.
    cells : AsicDesign, optional
        The chip for standard cells, or its netlist, which is simulated then. Every register and
        memory of it powers up with a random value.

    Raises
    ------
    Difference
        Names the first code that differs.
    """
    begin = time.monotonic()
    plan = Plan(skeleton)
    mapped = None if netlist is None else synthesise(plan, netlist)
    kind = "hardwired-netlist" if mapped else "hardwired-cells" if cells else "hardwired"
    with bench_folder(f"{kind}-{skeleton.digest[:12]}") as folder:
        sources, arguments, plusargs = [], [], []
        if mapped is not None:
            source, arguments = write_netlist(mapped, folder), write_library(folder)
        elif cells is not None:
            *arguments, first, second = cells.write(folder)
            source, sources, plusargs = folder / first, [folder / second], RANDOM
        else:
            source = write_chip(plan, folder)
        skeleton.save(folder / "skeleton")
        np.save(folder / "images.npy", images)
        np.save(folder / "states.npy", adversarial_states(skeleton.spec)[:lattices])
        env = {"BENCH": folder, "STEPS": steps, "PASS": plan.pass_clocks}
        run_bench(
            source,
            "hardwired",
            folder,
            env=env,
            sources=sources,
            arguments=arguments,
            plusargs=plusargs,
        )
    return time.monotonic() - begin


def write_netlist(netlist: Path, folder: Path) -> Path:
    """Write a mapped netlist as Verilog, its ports as they are; return the file."""
    path, log = folder / f"{NAME}.v", folder / f"{NAME}.yosys.log"
    design = json.dumps({"modules": {NAME: plain(read_top(netlist))}})
    path.write_text(yosys("read_json", design, ("write_verilog -noattr",), log, top=NAME))
    return path
