"""The requantiser of perception: any accumulator, any shift."""

from golden.fixed import HIDDEN, SHIFTS
from hw.array.requantiser import Requantiser
from hw.flow.verilog import write_verilog
from hw.shapes import TAPS, tap_sum
from sim.cocotb_run import bench_folder, run_bench


def test_requantiser() -> None:
    with bench_folder("requantiser") as folder:
        design = folder / "requantiser.v"
        acc = tap_sum(TAPS)
        write_verilog(Requantiser(acc, max_shift=SHIFTS[-1], to=HIDDEN), design)
        env = {"ACC": str(acc.width), "SHIFT": str(SHIFTS[-1]), "SIGNED": "0"}
        run_bench(design, "requantiser", folder, env=env)
