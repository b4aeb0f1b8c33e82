"""The flow of the boards around its tools: what it keeps, what it reports, what it refuses."""

import stat

import numpy as np
import pytest

from golden.samples import calibrated
from golden.spec import Gate, Spec
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.flow import geometry_of, place
from hw.boards.rates import wire_bytes
from hw.boards.top import pll_settings
from hw.verilog import multipliers

PLACER = """#!/usr/bin/env python3
import json, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
with open("runs", "a") as file:
    file.write(options["--seed"] + "\\n")
open(options["--textcfg"], "w").close()
chip, link = ({"achieved": a, "constraint": c} for a, c in ((CHIP, 160.0), (90.0, 60.0)))
report = {"fmax": {"chip": chip, "link": link}, "utilization": {}}
json.dump(report, open(options["--report"], "w"))
"""


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_room_and_a_pll_for_its_chip(name):
    board = find_board(name)
    platform = board.make_platform()
    geometry = geometry_of(board, [calibrated(Spec(), np.random.default_rng(1))])
    assert sum(multipliers(geometry).values()) <= board.multipliers
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    assert pll.clock == board.clock and 48 <= pll.link <= 75
    assert platform._nextpnr_device_options[platform.device] == board.nextpnr


@pytest.mark.parametrize(("chip", "met"), [(161.5, True), (159.9, False)])
def test_a_placement_is_done_once_and_again_for_another_netlist(tmp_path, chip, met):
    board = BOARDS["ulx3s-25f"]
    placer = tmp_path / "placer"
    placer.write_text(PLACER.replace("CHIP", str(chip)))
    placer.chmod(placer.stat().st_mode | stat.S_IEXEC)
    netlist = tmp_path / "thalweg.json"
    results = []
    for text, seed in (("{}", 1), ("{}", 1), ("{}", 2), ('{"a": 1}', 1)):
        netlist.write_text(text)
        results.append(place(str(placer), board, board.make_platform(), netlist, seed))
    assert (tmp_path / "runs").read_text().split() == ["1", "2", "1"]
    assert results[0] == results[1] != results[3]
    assert {(result["fmax"], result["met"]) for result in results} == {(chip, met)}


def test_a_link_that_is_too_slow_is_not_met(tmp_path):
    board = BOARDS["ulx3s-25f"]
    placer = tmp_path / "placer"
    placer.write_text(PLACER.replace("CHIP", "200").replace("90.0", "59.0"))
    placer.chmod(0o755)
    netlist = tmp_path / "thalweg.json"
    netlist.write_text("{}")
    assert not place(str(placer), board, board.make_platform(), netlist, 1)["met"]


def test_bytes_of_a_gated_digit_are_those_of_its_frames():
    gate = Gate(input_channel=0, output_channel=1, start=1, every=3)
    spec = Spec(height=4, width=4, image=4, gate=gate)
    frame = 2 + 4 + 2  # kind and number, CRC, stuffing and delimiter
    command, planes, delta = 3 + 14, 3, 3 + 1 + 4
    requests = [2 * command + 3 + 16 + planes, *[delta + planes] * 3, delta + command + 3]
    responses = [*[1 + 1 + 16 + 1 + 1] * 4, 1 + 16 + 1]
    assert wire_bytes(spec) == sum(requests + responses) + 10 * frame
