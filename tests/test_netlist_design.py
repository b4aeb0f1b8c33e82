"""The mapped netlist as a design to simulate: what is kept of it, renamed and wrapped."""

import json
from pathlib import Path

import pytest

from golden.errors import InputError
from sim.devices import netlist as module
from sim.devices.designs import HERE
from sim.devices.netlist import NetlistDesign, pad, plain, read_top, wrapper, write_library

MODELS = HERE.parent / "models" / "ecp5"
PORTS = {
    "clk25_0__io": {"direction": "input", "bits": [2]},
    "uart_0__rx__io": {"direction": "input", "bits": [3]},
    "uart_0__tx__io": {"direction": "output", "bits": [4]},
    "button_0__io": {"direction": "input", "bits": [5]},
    "led_0__io": {"direction": "output", "bits": [6]},
}
PAD = {
    "type": "TRELLIS_IO",
    "parameters": {"DIR": "INPUT"},
    "port_directions": {"B": "inout", "O": "output"},
    "connections": {"B": [2], "O": [9]},
    "attributes": {"src": "x"},
}
RAM = {"type": "DP16KD", "parameters": {"A": "1"}, "attributes": {"WID": "1"}, "connections": {}}
LUT = {"type": "LUT4", "parameters": {"INIT": "10"}, "attributes": {"src": "y"}}
CELLS = {
    "long.name.0": RAM,
    "scope": {"type": "$scopeinfo"},
    "long.name.1": LUT,
    "pad": PAD,
    "long.name.2": RAM | {"parameters": {"A": "2"}},
}
MODULE = {"attributes": {"top": "1"}, "ports": PORTS, "cells": CELLS, "netnames": {"n": {}}}


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"modules": {"thalweg": MODULE, "other": {}}}))
    return NetlistDesign(path, "ulx3s-25f", "clk25")


def test_a_netlist_is_a_design(design):
    assert (design.title, design.top) == ("the netlist of ulx3s-25f", "thalweg_netlist")
    assert (design.shims, design.array, design.public) == (
        ("board.cpp", "served.cpp"),
        "nines",
        ["DP16KD"],
    )
    assert design.optimise == "-O1"
    assert design.memories == {"long.name.0": "mapped.memory0", "long.name.2": "mapped.memory1"}


def test_a_netlist_is_made_from_itself_the_parts_cells_and_the_models(design):
    assert design.inputs[:2] == [design.netlist, Path(module.__file__)]
    names = {path.name for path in design.inputs[2:]}
    assert {"cells_sim.v", "cells_bb.v", "common_sim.vh", "ccu2c_sim.vh"} <= names
    models = {path.name for path in MODELS.glob("*.v")}
    assert models <= names and len(models) == 5


def test_cells_get_short_names_and_keep_what_they_do():
    found = plain(MODULE)
    assert (found["attributes"], found["netnames"], found["ports"]) == ({}, {}, PORTS)
    assert [*found["cells"]] == ["memory0", "c2", "c3", "memory1"]
    assert found["cells"]["memory0"] == RAM | {"attributes": {}}
    assert found["cells"]["memory1"]["parameters"] == {"A": "2"}
    assert found["cells"]["c2"] == LUT | {"attributes": {}}
    assert found["cells"]["c3"] == pad(PAD) | {"attributes": {}}


@pytest.mark.parametrize("direction", ["INPUT", "OUTPUT", "BIDIR"])
def test_a_pad_is_the_model_of_its_direction(direction):
    found = pad(PAD | {"parameters": {"DIR": direction}})
    assert found == PAD | {
        "type": f"TRELLIS_IO_{direction}",
        "parameters": {},
        "port_directions": {"B": direction.lower(), "O": "output"},
    }


@pytest.mark.parametrize("clock", ["clk25_0__io", "clk25_0__p"])
def test_the_top_has_the_boards_pins_and_other_inputs_rest_high(clock):
    ports = {clock if name.startswith("clk") else name: port for name, port in PORTS.items()}
    assert wrapper("it", ports, "clk25") == (
        "module it(input clk, rst, link_clk, link_rst, rx, output tx);\n"
        f"    thalweg mapped(.{clock}(clk), .uart_0__rx__io(rx), .uart_0__tx__io(tx), "
        ".button_0__io(1'b1), .led_0__io());\nendmodule\n"
    )


@pytest.mark.parametrize("name", ["clk25_0__io", "uart_0__rx__io", "uart_0__tx__io"])
def test_a_netlist_without_a_pin_is_refused(name):
    ports = {other: port for other, port in PORTS.items() if other != name}
    with pytest.raises(InputError, match=r"^The netlist must have a clock clk25 and a UART, its "):
        wrapper("it", ports, "clk25")
    with pytest.raises(InputError, match=r"must have a clock other and a UART"):
        wrapper("it", PORTS, "other")


@pytest.mark.parametrize("text", ["{", "[]", '{"modules": {"other": {}}}', '{"modules": 1}'])
def test_what_is_no_netlist_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json must be a netlist of 'thalweg' that Yosys"):
        read_top(tmp_path / "x.json")


def test_the_library_has_each_module_once_and_ours_first_of_all(tmp_path):
    assert write_library(tmp_path) == ["-Werror-USERERROR", "cells.v"]
    text = (tmp_path / "cells.v").read_text()
    assert "`include" not in text
    begun = [line.split()[1].partition("(")[0] for line in text.splitlines()
             if line.startswith("module ")]  # fmt: skip
    assert len(begun) == len(set(begun)) == text.count("\nendmodule")
    assert {"CCU2C", "TRELLIS_FF", "PFUMX", "DP16KD", "TRELLIS_IO_INPUT"} <= set(begun)
    for path in MODELS.glob("*.v"):
        assert path.read_text() in text


def test_the_netlist_is_written_with_its_library_and_top(monkeypatch, design, tmp_path):
    asked = []

    def yosys(read, text, passes, log, *, top):
        asked.append((read, passes, log, top))
        assert json.loads(text) == {"modules": {"thalweg": plain(MODULE)}}
        return "module thalweg(é);"

    monkeypatch.setattr(module, "yosys", yosys)
    monkeypatch.setattr(module, "write_library", lambda folder: ["-W", folder.name])
    folder = tmp_path / "out"
    folder.mkdir()
    assert design.write(folder) == ["-W", "out", "thalweg_netlist.v", "thalweg.v"]
    log = folder / "thalweg.yosys.log"
    assert asked == [("read_json", ("write_verilog -noattr",), log, "thalweg")]
    assert (folder / "thalweg.v").read_text(encoding="utf-8") == "module thalweg(é);"
    top = (folder / "thalweg_netlist.v").read_text()
    assert top == wrapper("thalweg_netlist", PORTS, "clk25")
