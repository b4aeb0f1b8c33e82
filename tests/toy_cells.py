"""A small library of standard cells for tests, so that they need no PDK."""

from hw.asic.library import CellLibrary

__all__ = ["TOY", "toy_liberty"]

TOY = CellLibrary(
    name="toy",
    folder="",
    files={"typ": "toy.lib"},
    conditions={"typ": (1.2, 25.0)},
    excluded=(),
    high="tiehi Y",
    low="tielo Y",
    driver="buf",
    gate="gate",
    period={"typ": 20.0},
)

GATES = {
    "inv": (2, "A", "!A"),
    "buf": (3, "A", "A"),
    "nand2": (3, "A B", "!(A&B)"),
    "nor2": (3, "A B", "!(A|B)"),
    "xor2": (6, "A B", "A^B"),
    "mux2": (7, "A B S", "(A&!S)|(B&S)"),
}
"""Area, inputs and function of each gate; its output is Y."""

SLEWS, LOADS = (0.01, 0.1, 1.0), (0.001, 0.01, 0.1)
"""Transitions in ns and loads in pF of the tables."""

SETUP = '{}_constraint (hold) {{ values ("0.05, 0.05", "0.05, 0.05"); }}'

HEAD = """library (toy) {
  delay_model : table_lookup;
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1uA"; capacitive_load_unit (1, pf);
  nom_voltage : 1.2; nom_temperature : 25;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20;
  slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80;
  lu_table_template (plane) {
    variable_1 : "input_net_transition"; variable_2 : "total_output_net_capacitance";
    index_1 ("0.01, 0.1, 1"); index_2 ("0.001, 0.01, 0.1");
  }
  lu_table_template (hold) {
    variable_1 : "related_pin_transition"; variable_2 : "constrained_pin_transition";
    index_1 ("0, 1"); index_2 ("0, 1");
  }
"""

TIE = """  cell (tie{}) {{ area : 1; pin (Y) {{ direction : output; function : "{}"; }} }}"""

FLOP = """  cell (flop) {{
    area : 20;
    ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; clear : "!RN"; }}
    pin (CK) {{ direction : input; capacitance : 0.002; clock : true; }}
    pin (RN) {{ direction : input; capacitance : 0.002; }}
    pin (D) {{ direction : input; capacitance : 0.002;
      timing () {{ related_pin : "CK"; timing_type : setup_rising; {setup} }} }}
    pin (Q) {{ direction : output; max_capacitance : 1; function : "IQ"; {delays} }}
  }}
"""


GATE = """  cell (gate) {
    area : 9; clock_gating_integrated_cell : "latch_posedge"; dont_use : true;
    statetable ("CLK GATE", "M") { table : "L L : - : L, L H : - : H, H - : - : N"; }
    pin (M) { direction : internal; internal_node : "M"; }
    pin (CLK) { direction : input; capacitance : 0.002; clock : true;
      clock_gate_clock_pin : true; }
    pin (GATE) { direction : input; capacitance : 0.002; clock_gate_enable_pin : true; }
    pin (GCLK) { direction : output; max_capacitance : 1; clock_gate_out_pin : true;
      state_function : "CLK * M"; }
  }
"""


def toy_liberty() -> str:
    """Return the library's liberty file."""
    cells = [gate(name, *about) for name, about in GATES.items()]
    cells += [TIE.format(name, value) for name, value in (("hi", 1), ("lo", 0))]
    setup = " ".join(SETUP.format(edge) for edge in ("rise", "fall"))
    launch = delays("CK", "rising_edge", "non_unate")
    return HEAD + "\n".join([*cells, FLOP.format(setup=setup, delays=launch), GATE, "}"])


def gate(name: str, area: int, inputs: str, function: str) -> str:
    """Return the group of a gate."""
    pins = [
        f"    pin ({pin}) {{ direction : input; capacitance : 0.002; }}" for pin in inputs.split()
    ]
    arcs = " ".join(delays(pin, "combinational", "non_unate") for pin in inputs.split())
    output = f'direction : output; max_capacitance : 1; function : "{function}"; {arcs}'
    return "\n".join([
        f"  cell ({name}) {{ area : {area};",
        *pins,
        f"    pin (Y) {{ {output} }}",
        "  }",
    ])


def delays(source: str, kind: str, sense: str) -> str:
    """Return the arc from a pin to the output: 0.1 ns, a tenth of the slew, 1 ns a picofarad."""
    tables = [f"cell_{edge} {table(0.1, 0.1, 1)}" for edge in ("rise", "fall")]
    tables += [f"{edge}_transition {table(0.02, 0.05, 1)}" for edge in ("rise", "fall")]
    return (
        f'timing () {{ related_pin : "{source}"; timing_type : {kind}; timing_sense : {sense}; '
        f"{' '.join(tables)} }}"
    )


def table(base: float, of_slew: float, of_load: float) -> str:
    """Return a table that is linear in the slew and in the load."""
    rows = [
        ", ".join(f"{base + of_slew * slew + of_load * load:.4f}" for load in LOADS)
        for slew in SLEWS
    ]
    return f"(plane) {{ values ({', '.join(map(quoted, rows))}); }}"


def quoted(text: str) -> str:
    """Return a text in quotes."""
    return f'"{text}"'
