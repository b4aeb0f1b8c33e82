"""Synthesis of a board's top: what Yosys is given, what is kept, and what is made again."""

import json
from types import SimpleNamespace

import pytest

from golden.errors import ToolError
from hw.boards.catalogue import find_board
from hw.flow import synthesis
from hw.flow.synthesis import synthesise
from hw.shapes import Geometry

NETLIST = '{"modules": {}}'


def planned(design, pins):
    """What stands for a platform: its plan is of this design and these pins."""
    asked = []

    def prepare(top, name):
        asked.append((top, name))
        return SimpleNamespace(files={f"{name}.il": design, f"{name}.lpf": pins})

    return SimpleNamespace(prepare=prepare, asked=asked)


def test_a_design_is_synthesised_for_the_part_and_its_registers_kept_apart(monkeypatch, tmp_path):
    called = []

    def yosys(read, text, passes, log, *, top):
        called.append((read, text, passes, log, top))
        assert not (folder / "thalweg.json").exists() and not (folder / "synthesised.json").exists()
        return json.dumps({"modules": {"top": {"cells": {text: {}}}}})

    monkeypatch.setattr(synthesis, "yosys", yosys)
    folder, said = tmp_path / "in" / "a folder", []
    top = SimpleNamespace(board=SimpleNamespace(geometry=Geometry(filters=2)))
    board = find_board("ulx3s-45f")
    for design, pins in ((b"module one", "caf\u00e9"), ("module two", b"pins")):
        platform = planned(design, pins)
        netlist = synthesise(board, platform, top, folder, say=said.append)
        assert platform.asked == [(top, "thalweg")]
        assert netlist == folder / "thalweg.json"
        text = design if isinstance(design, str) else design.decode()
        assert json.loads(netlist.read_text()) == {"modules": {"top": {"cells": {text: {}}}}}
        wanted = pins if isinstance(pins, bytes) else pins.encode("utf-8")
        assert (folder / "thalweg.lpf").read_bytes() == wanted
        copies = "setattr -set keep 1 w:*_copy* %ci1:+[Q] t:$dff* %i"
        passes = (r"delete w:*\[*\]", copies, "synth_ecp5 -top thalweg", "write_json")
        wanted = ("read_rtlil", text, passes, folder / "synthesis.log", "thalweg")
        assert called.pop() == wanted
        assert synthesise(board, platform, top, folder) == netlist and not called
    assert said == ["ulx3s-45f: synthesising, F = 2"] * 2


@pytest.mark.parametrize("name", ["release", "SYNTHESIS"])
def test_another_yosys_or_other_passes_synthesise_anew(monkeypatch, tmp_path, name):
    called = []
    monkeypatch.setattr(synthesis, "yosys", lambda *rest, top: called.append(rest) or NETLIST)
    top = SimpleNamespace(board=SimpleNamespace(geometry=Geometry(filters=2)))
    for count in (1, 2):
        for _ in range(2):
            synthesise(find_board("ulx3s-45f"), planned("a", "b"), top, tmp_path)
            assert len(called) == count
        other = {"release": lambda package: f"another {package}", "SYNTHESIS": "synth"}[name]
        monkeypatch.setattr(synthesis, name, other)


def test_a_synthesis_that_fails_leaves_no_netlist(monkeypatch, tmp_path):
    def fail(*rest, top):
        raise ToolError("Yosys failed")

    top = SimpleNamespace(board=SimpleNamespace(geometry=Geometry(filters=2)))
    board = find_board("ulx3s-45f")
    monkeypatch.setattr(synthesis, "yosys", lambda *rest, top: NETLIST)
    netlist = synthesise(board, planned("a", "b"), top, tmp_path)
    monkeypatch.setattr(synthesis, "yosys", fail)
    with pytest.raises(ToolError):
        synthesise(board, planned("c", "b"), top, tmp_path)
    assert not netlist.exists() and not (tmp_path / "synthesised.json").exists()
