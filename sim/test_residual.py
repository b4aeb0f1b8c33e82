"""The residual with a skeleton memory of every shift and the ends of the bias."""

import numpy as np

from golden.fixed import UPDATE_BIAS
from hw.array.residual import Residual
from hw.shapes import Geometry, residual_row
from hw.skeleton_memory import pack
from hw.verilog import write_verilog
from sim.cocotb_run import bench_folder, run_bench


def test_residual():
    geometry = Geometry(filters=5)
    rng = np.random.default_rng(31)
    places = geometry.words * geometry.skeletons
    biases = rng.integers(UPDATE_BIAS.min, UPDATE_BIAS.max + 1, places)
    biases[:4] = UPDATE_BIAS.min, UPDATE_BIAS.max, 0, -1
    rows = np.stack([biases, np.resize(np.arange(24), places)], axis=1)
    packed = [pack(residual_row(), {"bias": b, "shift": n}) for b, n in rows.tolist()]

    with bench_folder("residual") as folder:
        np.save(folder / "rows.npy", rows)
        design = folder / "residual.v"
        write_verilog(Residual(geometry, packed), design)
        run_bench(design, "residual", folder, env={"BENCH": str(folder)})
