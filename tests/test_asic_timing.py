"""Liberty files, and the static timing of a netlist, on a library of three cells."""

import gzip
import re

import pytest

from golden.errors import InputError
from hw.asic.liberty import Library, parse, read_liberty
from hw.asic.library import LIBRARIES, find_liberty, find_library, load_liberty
from hw.asic.netlist import Netlist
from hw.asic.report import block
from hw.asic.timing import PORT_LOAD, SLEW, TREE, Timing, violations
from tests.toy_cells import toy_liberty

TABLE = """(plane) { index_1 ("0, 1"); index_2 ("0, 1"); values ("%s, %s", \\
 "%s, %s"); }"""


def table(base, slope_one, slope_two):
    """Return a table whose value is linear in both variables."""
    return TABLE % (base, base + slope_two, base + slope_one, base + slope_one + slope_two)


LIBERTY = f"""
/* A library; of { {} } braces in comments nothing is read. */
library (toy) {{
  nom_voltage : 1.2; nom_temperature : 25;
  default_max_fanout : 2;
  lu_table_template (plane) {{
    variable_1 : "input_net_transition"; variable_2 : "total_output_net_capacitance";
  }}
  lu_table_template (hold) {{
    variable_1 : "related_pin_transition"; variable_2 : "constrained_pin_transition";
    index_1 ("0, 1"); index_2 ("0, 1");
  }}
  cell (inv) {{
    area : 2;
    pin (A) {{ direction : input; capacitance : 0.01; }}
    pin (Y) {{
      direction : output; max_capacitance : 0.025; function : "!A";
      timing () {{
        related_pin : "A"; timing_sense : negative_unate;
        cell_rise {table(0.1, 0.5, 10)} rise_transition {table(0.02, 0, 0)}
        cell_fall {table(0.2, 0.5, 10)} fall_transition {table(0.04, 0, 0)}
      }}
    }}
  }}
  cell ("flop") {{
    area : 20; ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
    pin (CK) {{ direction : input; capacitance : 0.002; clock : true; }}
    pin (D) {{
      direction : input; capacitance : 0.005;
      timing () {{
        related_pin : "CK"; timing_type : setup_rising;
        rise_constraint (hold) {{ values ("0.05, 0.15", "0.05, 0.15"); }}
        fall_constraint (hold) {{ values ("0.07, 0.17", "0.07, 0.17"); }}
      }}
    }}
    pin (Q) {{
      direction : output; function : "IQ";
      timing () {{
        related_pin : "CK"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise {table(0.3, 0, 1)} rise_transition {table(0.02, 0, 0)}
        cell_fall {table(0.3, 0, 1)} fall_transition {table(0.02, 0, 0)}
      }}
    }}
  }}
}}
"""

WAYS = {"inv": {"A": "input", "Y": "output"}, "flop": {"CK": "input", "D": "input", "Q": "output"}}


def netlist(*cells, ways=WAYS):
    """Return a netlist of cells, each its kind and the nets of its pins; the clock is net 2."""
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        "o": {"direction": "output", "bits": [9]},
    }
    found = {
        f"u{place}": {
            "type": kind,
            "port_directions": ways[kind],
            "connections": {pin: [net] for pin, net in pins.items()},
        }
        for place, (kind, pins) in enumerate(cells)
    }
    return Netlist({"modules": {"top": {"ports": ports, "cells": found}}}, "top")


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "toy.lib.gz"
    path.write_bytes(gzip.compress(LIBERTY.encode()))
    return read_liberty(path)


CHAIN = (
    ("flop", {"CK": 2, "D": 5, "Q": 3}),
    ("inv", {"A": 3, "Y": 4}),
    ("inv", {"A": 4, "Y": 5}),
    ("flop", {"CK": 2, "D": 3, "Q": 9}),
)


def test_longest_path_adds_the_tables_of_its_cells(library):
    path = Timing(netlist(*CHAIN), library).longest()
    # Q drives an inverter and a flip-flop; the fall of the second inverter ends the path.
    launch = 0.3 + 0.01 + 0.005
    rise = 0.1 + 0.5 * 0.02 + 10 * 0.01
    fall = 0.2 + 0.5 * 0.02 + 10 * 0.005
    setup = 0.07 + 0.1 * 0.04
    assert path["ns"] == pytest.approx(launch + rise + fall + setup, abs=1e-4)
    assert [cell["kind"] for cell in path["cells"]] == ["flop", "inv", "inv"]
    assert path["end"] == "u0"
    assert path["cells"][-1]["edge"] == "fall"


def test_a_pin_loads_its_net_as_much_as_it_may_on_an_edge():
    ranges = "rise_capacitance_range (0.004, 0.013); fall_capacitance : 0.008; capacitance : 0.01;"
    found = Library(parse(LIBERTY.replace("capacitance : 0.01;", ranges), "toy"))
    assert found.cell("inv").pins["A"].loads == {"rise": 0.013, "fall": 0.008}
    assert found.cell("flop").pins["D"].loads == {"rise": 0.005, "fall": 0.005}
    arrival = Timing(netlist(*CHAIN), found).arrival
    assert arrival[3, "rise"] == pytest.approx(0.3 + 0.013 + 0.005)
    assert arrival[3, "fall"] == pytest.approx(0.3 + 0.008 + 0.005)


def test_a_path_to_a_port_has_the_load_of_a_port(library):
    cells = (("flop", {"CK": 2, "D": 9, "Q": 9}),)
    timing = Timing(netlist(*cells), library)
    assert timing.arrival[9, "rise"] == pytest.approx(0.3 + 0.005 + PORT_LOAD)


def test_tables_go_on_beyond_their_ends(library):
    arc = next(arc for arc in library.cell("inv").arcs if arc.delay)
    assert arc.delay["rise"].at(2, 3) == pytest.approx(0.1 + 1 + 30)


def test_setup_is_read_with_its_variables_the_right_way_round(library):
    arc = next(arc for arc in library.cell("flop").arcs if arc.is_setup)
    assert arc.delay["rise"].at(0.5, SLEW) == pytest.approx(0.10)


def test_counts_outputs_that_drive_too_much(library):
    more = [("inv", {"A": 4, "Y": net}) for net in (6, 7, 8)]
    # Net 4 drives four inverters, 0.04 pF, where 0.025 pF and two pins are allowed.
    assert violations(netlist(*CHAIN, *more), library) == {"fanout": 1, "capacitance": 1}


@pytest.mark.parametrize(("count", "ideal"), [(TREE, False), (TREE + 1, True)])
def test_a_net_that_clears_many_flip_flops_is_ideal(tmp_path, count, ideal):
    (tmp_path / "toy.lib").write_text(toy_liberty())
    toy = read_liberty(tmp_path / "toy.lib")
    cells = [("flop", {"CK": 2, "D": 9, "RN": 4, "Q": 3}), ("inv", {"A": 3, "Y": 9})]
    cells += [("flop", {"CK": 2, "D": 9, "RN": 3, "Q": 10 + place}) for place in range(count)]
    ways = {"inv": {"A": "input", "Y": "output"}, "flop": WAYS["flop"] | {"RN": "input"}}
    timing = Timing(netlist(*cells, ways=ways), toy)
    assert (timing.arrival[3, "rise"] == 0) == ideal
    kinds = [cell["kind"] for cell in timing.longest()["cells"]]
    assert kinds == (["inv"] if ideal else ["flop", "inv"])


def test_refuses_a_loop_of_logic(library):
    cells = (("inv", {"A": 3, "Y": 4}), ("inv", {"A": 4, "Y": 3}))
    with pytest.raises(InputError, match="must have no loop of logic"):
        Timing(netlist(*cells), library)


def test_refuses_a_cell_that_the_library_lacks(library):
    WAYS["nand"] = {"Y": "output"}
    with pytest.raises(InputError, match=r"cells of toy alone, not 'nand'"):
        Timing(netlist(("nand", {"Y": 3})), library)


@pytest.mark.parametrize("text", ["", "module x;", "library (x) { cell (a) {", "library (x) } {"])
def test_refuses_what_is_no_liberty_file(text):
    with pytest.raises(InputError, match=re.escape("x.lib must be a liberty file")):
        parse(text, "x.lib")


def test_refuses_a_damaged_packed_file(tmp_path):
    path = tmp_path / "toy.lib.gz"
    path.write_bytes(gzip.compress(LIBERTY.encode())[:-30])
    with pytest.raises(InputError, match="must be a whole gzip file"):
        read_liberty(path)


def test_refuses_another_corner_and_a_library_without_its_cells(tmp_path):
    path = tmp_path / "toy.lib"
    path.write_text(LIBERTY)
    with pytest.raises(InputError, match=r"of corner slow, 1.08 V and 125 degrees, not 1.2 V"):
        load_liberty(path, LIBRARIES["sg13g2"], "slow")
    with pytest.raises(InputError, match="toy must have the cell 'sg13g2_tiehi'"):
        load_liberty(path, LIBRARIES["sg13g2"], "typ")


def test_finds_a_file_in_a_folder_or_in_the_pdk(tmp_path, monkeypatch):
    library = LIBRARIES["sg13g2"]
    monkeypatch.delenv("PDK_ROOT", raising=False)
    assert find_liberty(library, "typ", None) is None
    with pytest.raises(InputError, match=r"must have sg13g2_stdcell_typ_1p20V_25C\.lib"):
        find_liberty(library, "typ", tmp_path)
    with pytest.raises(InputError, match="LIBERTY must be a liberty file or a folder"):
        find_liberty(library, "typ", tmp_path / "none")
    folder = tmp_path / library.folder
    folder.mkdir(parents=True)
    packed = folder / f"{library.files['typ']}.gz"
    packed.touch()
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert find_liberty(library, "typ", None) == packed


def test_refuses_unknown_names():
    with pytest.raises(InputError, match="LIBRARY must be one of sg13g2, sky130, not 'x'"):
        find_library("x")
    with pytest.raises(InputError, match="CORNER must be one of typ, slow, not 'fast'"):
        find_liberty(LIBRARIES["sky130"], "fast", None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("array.totals.x", "array.totals"),
        ("checker_.x", "checker"),
        ("array.window.$auto$ff.cc:337:slice$5", "array.window"),
        ("array.$auto$ff.cc:337:slice$6", "array"),
        ("array.window.x", "array.window"),
        ("sequencer.account.x", "sequencer"),
        ("sound", "chip"),
    ],
)
def test_cells_belong_to_blocks(name, found):
    assert block(name) == found
