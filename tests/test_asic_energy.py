"""Energy of a netlist of three cells, computed by hand."""

import re
from contextlib import contextmanager

import pytest

from golden.errors import InputError
from hw.asic.cells import cell_verilog
from hw.asic.energy import Activity, energy
from hw.asic.liberty import Library, parse
from hw.asic.timing import PORT_LOAD
from sim.measure import activity as measured
from sim.measure.toggles import net_toggles
from tests.test_asic_timing import netlist
from tests.toy_cells import toy_liberty

LIBERTY = """
library (toy) {
  nom_voltage : 2; nom_temperature : 25; leakage_power_unit : "1nW";
  lu_table_template (plane) {
    variable_1 : "input_net_transition"; variable_2 : "total_output_net_capacitance";
  }
  power_lut_template (energy) {
    variable_1 : "input_transition_time"; variable_2 : "total_output_net_capacitance";
    index_1 ("0, 1"); index_2 ("0, 1");
  }
  cell (nand) {
    area : 2; cell_leakage_power : 3;
    pin (A) { direction : input; capacitance : 0.01;
      internal_power () { rise_power (scalar) { values ("1"); } fall_power (scalar)
        { values ("3"); } } }
    pin (B) { direction : input; capacitance : 0.01; }
    pin (Y) {
      direction : output; function : "!(A&B)";
      internal_power () { related_pin : "A";
        rise_power (energy) { values ("10, 110", "10, 110"); }
        fall_power (energy) { values ("20, 120", "20, 120"); } }
      internal_power () { related_pin : "B";
        rise_power (scalar) { values ("40"); } fall_power (scalar) { values ("50"); } }
    }
  }
  cell (flop) {
    area : 20; cell_leakage_power : 5; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; capacitance : 0.002; clock : true;
      internal_power () { when : "D"; rise_power (scalar) { values ("7"); }
        fall_power (scalar) { values ("7"); } }
      internal_power () { when : "!D"; rise_power (scalar) { values ("9"); }
        fall_power (scalar) { values ("9"); } } }
    pin (D) { direction : input; capacitance : 0.005;
      internal_power () { when : "CK"; rise_power (scalar) { values ("100"); }
        fall_power (scalar) { values ("100"); } }
      internal_power () { rise_power (scalar) { values ("4"); }
        fall_power (scalar) { values ("4"); } } }
    pin (Q) { direction : output; function : "IQ"; }
  }
  cell (gate) {
    area : 9; cell_leakage_power : 0; clock_gating_integrated_cell : "latch_posedge";
    pin (CLK) { direction : input; capacitance : 0.001; clock : true;
      clock_gate_clock_pin : true; }
    pin (GATE) { direction : input; capacitance : 0.001; clock_gate_enable_pin : true; }
    pin (GCLK) { direction : output; clock_gate_out_pin : true; }
  }
}
"""

WAYS = {
    "nand": {"A": "input", "B": "input", "Y": "output"},
    "flop": {"CK": "input", "D": "input", "Q": "output"},
    "gate": {"CLK": "input", "GATE": "input", "GCLK": "output"},
}
CLOCKS, NS, VOLTS = 100, 5.0, 2.0
NJ = 1e-3
"""A nanojoule has a thousand picojoules."""


def of(cells, toggles, ones=None, text=LIBERTY):
    """Return the energy of some cells, each its kind and its nets; net 2 is the clock, 9 a port."""
    seen = Activity(CLOCKS, toggles, ones or {})
    return energy(netlist(*cells, ways=WAYS), Library(parse(text, "toy")), seen, NS)


def test_adds_charge_and_the_tables_of_driver_and_driven_pins():
    cells = (("nand", {"A": 3, "B": 4, "Y": 9}), ("flop", {"CK": 2, "D": 9, "Q": 3}))
    found = of(cells, {3: 30, 4: 10, 9: 6})
    # Charge: net 3 and 4 drive a pin, net 9 a pin and a port.
    charge = (30 * 0.01 + 10 * 0.01 + 6 * (0.005 + PORT_LOAD)) * VOLTS**2 / 2
    # Y follows A three times in four; its tables for A rise by 100 pJ a picofarad.
    follows = 0.75 * (15 + 100 * (0.005 + PORT_LOAD)) + 0.25 * 45
    inner = 30 * 2 + 6 * follows + 6 * 4
    assert found["nj"]["logic"] == pytest.approx((charge + inner) * NJ, abs=6e-4)
    assert found["nj"]["clock"] == pytest.approx(
        2 * CLOCKS * (0.002 * VOLTS**2 / 2 + 8) * NJ, abs=6e-4
    )
    assert found["toggles"] == 46


def test_cells_leak_all_the_time():
    slow = LIBERTY.replace('"1nW"', '"1mW"')
    cells = (("nand", {"A": 3, "B": 4, "Y": 9}), ("flop", {"CK": 2, "D": 9, "Q": 3}))
    found = of(cells, {}, text=slow)
    assert found["nj"]["leakage"] == pytest.approx(8e-3 * CLOCKS * NS)
    seconds = CLOCKS * NS * 1e-9
    assert found["mw"] == pytest.approx(found["total_nj"] * 1e-9 / seconds * 1e3, abs=6e-4)


def test_a_gated_clock_toggles_where_its_gate_is_open():
    cells = (
        ("gate", {"CLK": 2, "GATE": 3, "GCLK": 4}),
        ("flop", {"CK": 4, "D": 9, "Q": 3}),
    )
    found = of(cells, {}, {3: 25})
    own = 2 * CLOCKS * 0.001 * VOLTS**2 / 2
    behind = 2 * 25 * (0.002 * VOLTS**2 / 2 + 8)
    assert found["nj"]["clock"] == pytest.approx((own + behind) * NJ, abs=6e-4)


def test_refuses_a_library_whose_leakage_has_no_unit():
    with pytest.raises(InputError, match="toy must have a leakage_power_unit, not '1 W'"):
        of((("flop", {"CK": 2, "D": 9, "Q": 3}),), {}, text=LIBERTY.replace("1nW", "1 W"))


def test_toggles_of_named_nets_are_read(tmp_path):
    path = tmp_path / "made.saif"
    path.write_text(
        "(INSTANCE TOP\n (NET\n  (n12 (T0 4) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 3))\n"
        "  (clk (T0 9) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))\n ))\n"
    )
    assert net_toggles(path) == {"n12": (3, 5)}


def test_every_net_at_a_cell_keeps_its_name(tmp_path):
    liberty = tmp_path / "toy.lib"
    liberty.write_text(toy_liberty())
    ways = {"xor2": {"A": "input", "B": "input", "Y": "output"}}
    cells = (("xor2", {"A": 2, "B": 3, "Y": 4}), ("xor2", {"A": 4, "B": 3, "Y": 9}))
    found = {"modules": {"top": {**netlist(*cells, ways=ways).module}}}
    text = cell_verilog(found, liberty, tmp_path / "log", top="top", named=True)
    names = set(re.findall(r"^  wire (\S+);", text, re.MULTILINE))
    assert {name for name in names if not name.startswith("_")} - {"clk", "o"} == {
        *("n2", "n3", "n4", "n9")
    }


def test_activity_is_that_of_a_digit_alone(monkeypatch):
    compared = []
    monkeypatch.setattr(measured, "compare_device", lambda *given, **how: compared.append(how))
    assert measured.activity(Traced(), None, None) == Activity(5, {7: 2}, {7: 3})
    assert compared == [{"states": False}]


class Traced:
    """A device whose clocks go on while it is traced."""

    simulated_clocks = 100

    @contextmanager
    def trace(self, path):
        self.simulated_clocks += 5
        yield
        path.write_text("(n7 (T0 2) (T1 3) (TZ 0) (TX 0) (TB 0) (TC 2))\n")
