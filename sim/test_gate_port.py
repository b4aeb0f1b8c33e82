"""The gate port of a small lattice."""

from golden.spec import Spec
from hw.port.gate_port import GatePort
from hw.shapes import Geometry
from hw.verilog import write_verilog
from sim.cocotb_run import bench_folder, run_bench

SIDE = 8


def test_gate_port():
    with bench_folder("gate_port") as folder:
        design = folder / "gate_port.v"
        write_verilog(GatePort(Geometry(spec=Spec(height=SIDE, width=SIDE, image=4))), design)
        run_bench(design, "gate_port", folder, env={"SIDE": str(SIDE)})
