"""The residual with a skeleton memory of every shift and the ends of the bias."""

import numpy as np
import pytest

from golden.errors import Difference
from golden.fixed import UPDATE_BIAS
from hw.array.residual import Residual
from hw.flow.verilog import write_verilog
from hw.shapes import Geometry, residual_row
from hw.skeleton_memory import pack
from sim.cocotb_run import bench_folder, run_bench

GEOMETRY = Geometry(filters=5)
PLACES = GEOMETRY.words * GEOMETRY.skeletons


def rows() -> np.ndarray:
    """Bias and shift of each place."""
    rng = np.random.default_rng(31)
    biases = rng.integers(UPDATE_BIAS.min, UPDATE_BIAS.max + 1, PLACES)
    biases[:4] = UPDATE_BIAS.min, UPDATE_BIAS.max, 0, -1
    return np.stack([biases, np.resize(np.arange(24), PLACES)], axis=1)


def bench(wanted: np.ndarray, held: np.ndarray) -> None:
    """Run the bench of these rows on a residual that holds others, or the same."""
    packed = [pack(residual_row(), {"bias": b, "shift": n}) for b, n in held.tolist()]
    with bench_folder("residual") as folder:
        np.save(folder / "rows.npy", wanted)
        design = folder / "residual.v"
        write_verilog(Residual(GEOMETRY, packed), design)
        run_bench(design, "residual", folder, env={"BENCH": str(folder)})


def test_residual() -> None:
    bench(rows(), rows())


def test_a_wrong_bias_in_the_last_place_is_found() -> None:
    held = rows()
    held[-1, 0] ^= 1 << 22
    with pytest.raises(Difference, match=r"equals_golden.*: code \d+: got "):
        bench(rows(), held)
