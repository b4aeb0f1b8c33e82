"""Yosys: what it leaves is whole, or one line, and its log stays only then."""

import sys

import pytest
from amaranth import Module
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.errors import InputError, ToolError
from hw.flow import yosys as module
from hw.flow.verilog import to_verilog
from hw.flow.yosys import require_netlist, require_verilog, yosys

WHOLE = "module top(a);\n  input a;\nendmodule\n"


class Wire(wiring.Component):
    """The smallest block."""

    a: In(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.a)
        return m


def test_a_whole_result_leaves_no_log(tmp_path):
    design = rtlil.convert(Wire(), name="top")
    text = yosys("read_rtlil", design, ["write_verilog"], tmp_path / "log", top="top")
    assert "module top(" in text and not list(tmp_path.iterdir())


def test_a_design_may_come_from_a_folder_of_any_name(tmp_path):
    design = rtlil.convert(Wire(), name="top")
    odd = design.replace('attribute \\src "', 'attribute \\src "/my chip/caf\udce9')
    assert odd != design
    text = yosys("read_rtlil", odd, ["write_verilog"], tmp_path / "log", top="top")
    assert "/my chip/caf" in text


def test_a_failure_is_one_line_that_names_the_log(tmp_path):
    log = tmp_path / "folder" / "top.yosys.log"
    with pytest.raises(ToolError) as error:
        yosys("read_rtlil", "nonsense\n", ["write_verilog"], log, top="top")
    assert str(error.value).startswith("Yosys failed with exit code 1: ERROR: Parser error in line")
    assert str(error.value).endswith(f"; see {log}")
    assert "Parser error" in log.read_text()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, None])
def test_what_is_cut_off_is_no_file(tmp_path, monkeypatch, share):
    """A full disk, on which Yosys fails without a word."""
    run = module.call

    def cut(command, log, *, folder, name):
        run(command, log, folder=folder, name=name)
        (result,) = folder.glob("result.*")
        data = result.read_bytes()
        result.write_bytes(data[: int(len(data) * share)]) if share is not None else result.unlink()

    monkeypatch.setattr(module, "call", cut)
    path = tmp_path / "top.v"
    text = "No such file" if share is None else "must be whole Verilog of 'top'"
    with pytest.raises(ToolError, match=text):
        to_verilog(Wire(), "top", path)
    assert [file.name for file in tmp_path.iterdir()] == ["top.yosys.log"]


def test_a_temporary_folder_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"^Yosys cannot work in .*none: No such file"):
        yosys("read_rtlil", "", ["write_verilog"], tmp_path / "log", top="top")


NETLIST = '{"modules": {"top": {"cells": {"a": 1}}}}'
READS = {"read_rtlil": "design.il", "read_json": "design.json"}
WRITES = {"write_verilog -norename": ("result.v", WHOLE), "write_json": ("result.json", NETLIST)}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("read", READS)
def test_all_passes_run_in_order_between_the_design_and_the_result(
    read, write, tmp_path, monkeypatch
):
    log, calls = tmp_path / "log", []
    name, result = WRITES[write]

    def play(program, log, *, folder, name):
        calls.append((program[0], program[3:], log, name))
        assert (folder / READS[read]).read_text(encoding="utf-8") == "a design"
        (folder / WRITES[write][0]).write_text(result)

    monkeypatch.setattr(module, "call", play)
    assert yosys(read, "a design", ("proc", "opt -full", write), log, top="top") == result
    commands = [f"{read} {READS[read]}", "proc", "opt -full", f"{write} {name}"]
    assert calls == [(sys.executable, commands, log, "Yosys")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        WHOLE[:-1],
        WHOLE.replace("top", "other"),
        WHOLE + "module next(a);\n",
        "module next(a);\n" + WHOLE,
        WHOLE + WHOLE.removesuffix("endmodule\n"),
        WHOLE + "wire",
    ],
)
def test_rejects_verilog_that_is_not_whole(text):
    require_verilog(WHOLE, "top", "it")
    with pytest.raises(ToolError, match=r"^it must be whole Verilog of 'top'$"):
        require_verilog(text, "top", "it")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        NETLIST[:-1],
        NETLIST.replace("top", "t"),
        '{"modules": {"top": {"cells": {}}}}',
        "{}",
    ],
)
def test_rejects_netlists_that_are_not_whole(text):
    require_netlist(NETLIST, "top", "it")
    with pytest.raises(ToolError, match=r"^it must be a whole netlist of 'top'$"):
        require_netlist(text, "top", "it")
