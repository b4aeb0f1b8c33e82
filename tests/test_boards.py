"""The boards: each has room and clocks for its chip, and a link whose bytes are counted."""

import numpy as np
import pytest

from golden.samples import calibrated
from golden.spec import Gate, Spec
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.flow import geometry_of
from hw.boards.rates import wire_bytes
from hw.boards.top import pll_settings
from hw.verilog import multipliers


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_room_and_a_pll_for_its_chip(name):
    board = find_board(name)
    platform = board.make_platform()
    geometry = geometry_of(board, [calibrated(Spec(), np.random.default_rng(1))])
    assert sum(multipliers(geometry).values()) <= board.multipliers
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    assert pll.clock == board.clock and 48 <= pll.link <= 75
    assert platform._nextpnr_device_options[platform.device] == board.nextpnr


def test_bytes_of_a_gated_digit_are_those_of_its_frames():
    gate = Gate(input_channel=0, output_channel=1, start=1, every=3)
    spec = Spec(height=4, width=4, image=4, gate=gate)
    frame = 2 + 4 + 2  # kind and number, CRC, stuffing and delimiter
    command, planes, delta = 3 + 14, 3, 3 + 1 + 4
    requests = [2 * command + 3 + 16 + planes, *[delta + planes] * 3, delta + command + 3]
    responses = [*[1 + 1 + 16 + 1 + 1] * 4, 1 + 16 + 1]
    assert wire_bytes(spec) == sum(requests + responses) + 10 * frame
