"""OpenSTA beside static timing of our own: the same longest path, where it is installed."""

import random
import shutil

import pytest

from golden.errors import ToolError
from hw.asic import opensta as module
from hw.asic.liberty import read_liberty
from hw.asic.opensta import opensta
from hw.asic.timing import TREE, Timing
from tests.test_asic_timing import netlist
from tests.toy_cells import GATES, toy_liberty

WAYS = {
    "flop": {"CK": "input", "D": "input", "RN": "input", "Q": "output"},
    "ram_4x1": {"clk": "input", "a": "input", "q": "output"},
    **{
        kind: dict.fromkeys(pins.split(), "input") | {"Y": "output"}
        for kind, (_, pins, _) in GATES.items()
    },
}

WIRES = """default_wire_load : "long";
  wire_load ("long") { capacitance : 1; resistance : 1; slope : 9; fanout_length (1, 9); }
"""
"""A library's model of wires, which is not to count."""

PIN = "direction : input; capacitance : 0.002; }"
RANGES = """direction : input; capacitance : 0.002;
      rise_capacitance : 0.0019; rise_capacitance_range (0.001, 0.003);
      fall_capacitance : 0.0021; fall_capacitance_range (0.0015, 0.0035); }"""
"""An input of a gate, and one whose capacitance differs by the edge and from case to case."""

FIRST, LAST = 10, 89
"""Nets of the gates. Those below are the clock, a port and what begins each netlist."""


@pytest.fixture
def liberty(tmp_path):
    path = tmp_path / "toy.lib"
    text = toy_liberty().replace("nom_voltage", f"{WIRES}  nom_voltage")
    assert PIN in text
    path.write_text(text.replace(PIN, RANGES))
    return path


def timed(liberty, cells):
    """Return the timing of some cells."""
    return Timing(netlist(*cells, ways=WAYS), read_liberty(liberty))


def tangle(seed):
    """Return random gates between flip-flops; a macro is on the way, and a net clears many."""
    rng = random.Random(seed)
    cells = [
        ("flop", {"CK": 2, "D": LAST, "RN": 4, "Q": 3}),
        ("inv", {"A": 3, "Y": 4}),
        ("ram_4x1", {"clk": 2, "a": 3, "q": 5}),
    ]
    nets = [3, 4, 5]
    for net in range(FIRST, LAST + 1):
        kind = rng.choice(list(GATES))
        inputs = {pin: rng.choice(nets[-12:]) for pin in GATES[kind][1].split()}
        cells.append((kind, inputs | {"Y": net}))
        nets.append(net)
    for net in range(LAST + 1, LAST + 2 + TREE):
        cells.append(("flop", {"CK": 2, "D": rng.choice(nets), "RN": 4, "Q": net}))
    return [*cells, ("buf", {"A": LAST, "Y": 9})]


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA is not installed")
@pytest.mark.parametrize("seed", range(5))
def test_finds_the_same_longest_path(liberty, tmp_path, seed):
    timing = timed(liberty, tangle(seed))
    path, log = timing.longest(), tmp_path / "log"
    found = opensta(timing, liberty, log)
    assert found["ns"] == pytest.approx(path["ns"], abs=2e-4)
    assert found["cells"] == len(path["cells"])
    assert not log.exists()


def test_says_nothing_where_it_is_not_installed(liberty, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda program: None)
    assert opensta(timed(liberty, tangle(0)), liberty, tmp_path / "log") is None


@pytest.mark.parametrize(
    ("does", "error"),
    [
        (
            "echo Error: no such cell; exit 1",
            "OpenSTA failed with exit code 1: Error: no such cell",
        ),
        ("echo version 2; echo No paths found.", "OpenSTA must report a path: No paths found"),
        ("echo Startpoint: a", "OpenSTA must report a path: Startpoint: a"),
    ],
)
def test_names_what_is_wrong(liberty, tmp_path, monkeypatch, does, error):
    program = tmp_path / "sta"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda name: str(program))
    with pytest.raises(ToolError, match=error):
        opensta(timed(liberty, tangle(0)), liberty, tmp_path / "log")
    assert (tmp_path / "log").exists()
