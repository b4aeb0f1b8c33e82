"""The hardwired chip's Verilog against golden, in cocotb."""

import time

import numpy as np

from golden.samples import adversarial_states
from golden.skeleton import Skeleton
from hw.flow.hardwired import write_chip
from hw.hardwired.plan import Plan
from sim.cocotb_run import bench_folder, run_bench

__all__ = ["compare_hardwired"]


def compare_hardwired(
    skeleton: Skeleton, images: np.ndarray, steps: int, *, lattices: int = 2
) -> float:
    """Compare the hardwired chip's Verilog with golden, every code of every step.

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

    Raises
    ------
    Difference
        Names the first code that differs.
    """
    begin = time.monotonic()
    plan = Plan(skeleton)
    with bench_folder(f"hardwired-{skeleton.digest[:12]}") as folder:
        source = write_chip(plan, folder)
        skeleton.save(folder / "skeleton")
        np.save(folder / "images.npy", images)
        np.save(folder / "states.npy", adversarial_states(skeleton.spec)[:lattices])
        env = {"BENCH": folder, "STEPS": steps, "PASS": plan.pass_clocks}
        run_bench(source, "hardwired", folder, env=env)
    return time.monotonic() - begin
