"""Models of the ECP5's blocks against the portable primitives: our mapping, and Yosys's own.

Both use the same models, so a model that agreed with a mistake of ours would not agree with Yosys.
"""

from hw.boards.ecp5 import Ecp5
from sim.benches.blocks import comparison, write_mapped, write_portable
from sim.cocotb_run import bench_folder, run_bench
from sim.devices.netlist import write_library


def test_models_compute_what_the_portable_primitives_do() -> None:
    with bench_folder("models") as folder:
        library = write_library(folder)
        versions = [
            write_portable(folder),
            write_mapped(folder, "mapped", Ecp5()),
            write_mapped(folder, "inferred"),
        ]
        design = folder / "comparison.v"
        design.write_text(comparison([version.stem for version in versions]))
        run_bench(design, "models", folder, sources=[*versions], arguments=library)
