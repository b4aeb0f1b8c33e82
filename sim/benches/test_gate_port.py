"""The gate port of a small lattice."""

import pytest
from amaranth import Const, Module

from golden.errors import Difference
from golden.spec import Spec
from hw.flow.verilog import write_verilog
from hw.port.gate_port import GatePort
from hw.shapes import Geometry
from sim.cocotb_run import bench_folder, run_bench

SIDE = 8


GEOMETRY = Geometry(spec=Spec(height=SIDE, width=SIDE, image=4))


def bench(port: GatePort) -> None:
    with bench_folder("gate_port") as folder:
        design = folder / "gate_port.v"
        write_verilog(port, design)
        run_bench(design, "gate_port", folder, env={"SIDE": str(SIDE)})


def test_gate_port() -> None:
    bench(GatePort(GEOMETRY))


class Endless(GatePort):
    """A gate port that loses where a plane ends."""

    def elaborate(self, platform: object) -> Module:
        self.last = Const(0)
        return super().elaborate(platform)


def test_a_plane_without_its_end_is_found() -> None:
    with pytest.raises(Difference, match=r"^planes_leave_whole_and_in_order"):
        bench(Endless(GEOMETRY))
