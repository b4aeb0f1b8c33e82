"""The boards: each has room and clocks for its chip, and a link whose bytes are counted."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden.samples import calibrated
from golden.spec import Gate, Spec
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.rates import wire_bytes
from hw.boards.top import BoardTop, pll_settings
from hw.flow.build import geometry_of
from hw.flow.verilog import multipliers


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_room_and_a_pll_for_its_chip(name):
    board = find_board(name)
    platform = board.make_platform()
    geometry = geometry_of(board, [calibrated(Spec(), np.random.default_rng(1))])
    assert sum(multipliers(geometry).values()) <= board.multipliers
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    assert pll.clock == board.clock and 48 <= pll.link <= 75
    assert platform._nextpnr_device_options[platform.device] == board.nextpnr


@pytest.mark.filterwarnings("ignore:Using platform.request:DeprecationWarning")
def test_the_pll_of_a_board_makes_both_its_clocks():
    board = find_board("versa-ecp5-5g")  # its oscillator and its clock are no multiples
    platform = board.make_platform()
    reference = platform.default_clk_frequency / 1e6
    pll = pll_settings(reference, board.clock)
    skeleton = calibrated(Spec(height=4, width=4, image=4), np.random.default_rng(1))
    geometry = replace(geometry_of(board, [skeleton]), filters=1)
    files = platform.prepare(BoardTop(geometry, [skeleton], pll=pll), "thalweg").files
    cell = re.search(r"cell \\EHXPLLL .*?\n  end\n", files["thalweg.il"], re.DOTALL)[0]
    found = dict(re.findall(r'parameter \\(\w+) "?([^"\n]+)"?\n', cell))
    assert found["FEEDBK_PATH"] == "CLKOP"
    chip = reference * int(found["CLKFB_DIV"]) / int(found["CLKI_DIV"])
    assert chip == board.clock
    assert chip * int(found["CLKOP_DIV"]) / int(found["CLKOS_DIV"]) == pll.link
    for clock in ("OP", "OS"):
        assert found[f"CLK{clock}_ENABLE"] == "ENABLED"
        assert int(found[f"CLK{clock}_CPHASE"]) == int(found[f"CLK{clock}_DIV"]) - 1
    constraints = re.findall(r"^FREQUENCY NET .* ([\d.]+) HZ;$", files["thalweg.lpf"], re.MULTILINE)
    assert sorted(map(float, constraints)) == [pll.link * 1e6, board.clock * 1e6]


def test_bytes_of_a_gated_digit_are_those_of_its_frames():
    gate = Gate(input_channel=0, output_channel=1, start=1, every=3)
    spec = Spec(height=4, width=4, image=4, gate=gate)
    frame = 2 + 4 + 2  # kind and number, CRC, stuffing and delimiter
    command, planes, delta = 3 + 14, 3, 3 + 1 + 4
    requests = [2 * command + 3 + 16 + planes, *[delta + planes] * 3, delta + command + 3]
    responses = [*[1 + 1 + 16 + 1 + 1] * 4, 1 + 16 + 1]
    assert wire_bytes(spec) == sum(requests + responses) + 10 * frame
