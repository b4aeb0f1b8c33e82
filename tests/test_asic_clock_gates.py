"""Clock gates in the place of enables, on a block of a few registers."""

import json

import pytest
from amaranth import Module, Signal
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.asic.cells import cell_verilog
from hw.asic.clock_gates import LEAST, clock_gates
from hw.asic.liberty import read_liberty
from hw.asic.library import Target
from hw.asic.mapping import mapped
from hw.asic.netlist import Netlist
from hw.asic.timing import Timing
from tests.toy_cells import TOY, toy_liberty


class Held(wiring.Component):
    """A register that takes its input where it is told to."""

    def __init__(self, width):
        super().__init__({"i": In(width), "take": In(1), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        held = Signal.like(self.o, reset_less=True)
        with m.If(self.take):
            m.d.sync += held.eq(self.i)
        m.d.comb += self.o.eq(held)
        return m


@pytest.fixture
def liberty(tmp_path):
    path = tmp_path / "toy.lib"
    path.write_text(toy_liberty())
    return path


def netlist_of(width, liberty, *, gates):
    """Return the netlist of a register, with clock gates or without."""
    wanted = Target(TOY, "typ", liberty, TOY.period["typ"], gates)
    design = rtlil.convert(Held(width), name="top", emit_src=False)
    return mapped(design, wanted, liberty.with_name("log"), top="top")


@pytest.mark.parametrize(
    ("width", "gates", "count"), [(LEAST, True, 1), (LEAST - 1, True, 0), (LEAST, False, 0)]
)
def test_flip_flops_that_share_an_enable_get_a_gate(liberty, width, gates, count):
    found = Netlist(netlist_of(width, liberty, gates=gates), "top")
    assert clock_gates(found, read_liberty(liberty)) == {"gates": count, "flops": count * width}
    assert found.kinds["gate"] == count
    assert (found.kinds["mux2"] + found.kinds["nand2"] == 0) == bool(count)


def test_a_gated_clock_is_ideal(liberty):
    found = Netlist(netlist_of(LEAST, liberty, gates=True), "top")
    timing = Timing(found, read_liberty(liberty))
    assert len(timing.clocks) == 2
    assert [step["kind"] for step in timing.longest()["cells"]] == ["flop"]


def test_verilog_has_a_latch_for_each_kind_of_gate(liberty):
    found = netlist_of(LEAST, liberty, gates=True)
    text = cell_verilog(json.loads(json.dumps(found)), liberty, liberty.with_name("log"), top="top")
    assert text.count("always_latch if (!CLK) open = GATE;") == 1
    assert text.count("model_gate c") == 1
