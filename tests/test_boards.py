"""The boards: each has room and clocks for its chip, and a link whose bytes are counted."""

import re
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.files import read_json
from golden.samples import calibrated
from golden.spec import Gate, Spec
from golden.wire import WINDOW
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.pll import pll_settings
from hw.boards.rates import LINKS, MEASURED, LinkSpec, frames, gated_rate, wire_bytes
from hw.boards.top import BoardTop
from hw.flow.bitstream import cells, contents
from hw.flow.build import geometry_of
from hw.flow.verilog import multipliers
from hw.skeleton_memory import images

SPAN = re.MULTILINE | re.DOTALL


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_room_and_a_pll_for_its_chip(name):
    board = find_board(name)
    platform = board.make_platform()
    geometry = geometry_of(board, [calibrated(Spec(), np.random.default_rng(1))])
    assert sum(multipliers(geometry).values()) <= board.part.multipliers
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    assert pll.clock == board.clock and 48 <= pll.link <= 75
    assert platform._nextpnr_device_options[platform.device] == board.nextpnr[0]


@pytest.fixture(scope="module")
def design():
    """The files of a board whose oscillator and clock are no multiples, and what they are of."""
    board = find_board("versa-ecp5-5g")
    platform = board.make_platform()
    reference = platform.default_clk_frequency / 1e6
    pll = pll_settings(reference, board.clock)
    skeleton = calibrated(Spec(height=4, width=4, image=4), np.random.default_rng(1))
    geometry = replace(geometry_of(board, [skeleton]), filters=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using platform.request", DeprecationWarning)
        files = platform.prepare(BoardTop(geometry, [skeleton], pll=pll), "thalweg").files
    return SimpleNamespace(
        board=board, reference=reference, pll=pll, geometry=geometry, skeleton=skeleton, files=files
    )


def test_the_pll_of_a_board_makes_both_its_clocks(design):
    board, pll, files = design.board, design.pll, design.files
    cell = re.search(r"cell \\EHXPLLL .*?\n  end\n", files["thalweg.il"], re.DOTALL)[0]
    found = dict(re.findall(r'parameter \\(\w+) "?([^"\n]+)"?\n', cell))
    assert found["FEEDBK_PATH"] == "CLKOP"
    chip = design.reference * int(found["CLKFB_DIV"]) / int(found["CLKI_DIV"])
    assert chip == board.clock
    assert chip * int(found["CLKOP_DIV"]) / int(found["CLKOS_DIV"]) == pll.link
    for clock in ("OP", "OS"):
        assert found[f"CLK{clock}_ENABLE"] == "ENABLED"
        assert int(found[f"CLK{clock}_CPHASE"]) == int(found[f"CLK{clock}_DIV"]) - 1
    constraints = re.findall(r"^FREQUENCY NET .* ([\d.]+) HZ;$", files["thalweg.lpf"], re.MULTILINE)
    assert sorted(map(float, constraints)) == [pll.link * 1e6, board.clock * 1e6]


def test_block_memories_are_where_a_bitstream_looks_for_them_and_hold_the_skeletons(design):
    geometry, found = design.geometry, {}
    modules = re.finditer(r"^module \\thalweg\.(\S+)$(.*?)^end$", design.files["thalweg.il"], SPAN)
    for module in modules:
        for cell in re.finditer(r"^  cell \\DP16KD \\(\S+)$(.*?)^  end$", module[2], SPAN):
            held = {
                int(place, 16): int(bits, 2)
                for place, bits in re.findall(r"INITVAL_(..) 320'([01]+)$", cell[2], re.MULTILINE)
            }
            words = [held[k // 16] >> 20 * (k % 16) & (1 << 18) - 1 for k in range(1024)]
            nines = tuple(nine for word in words for nine in (word & 511, word >> 9))
            found[f"{module[1]}.{cell[1]}"] = nines
    wanted = contents(geometry, images(geometry, [design.skeleton]))
    assert [found.pop(name) for name in cells(geometry)] == wanted
    assert not any(any(nines) for nines in found.values()), "all others begin empty"


def size(kind, values):
    """Return the bytes of so many values as they were measured."""
    rows = [row for row in read_json(MEASURED)["travels"] if row["kind"] == kind]
    assert rows and all(row["compact"] < row["plain"] for row in rows)
    return round(values * sum(row["compact"] for row in rows) / sum(row["plain"] for row in rows))


@pytest.mark.parametrize(
    ("height", "width", "image", "every", "openings"),
    [(4, 4, 4, 3, 4), (8, 4, 2, 1, 10), (4, 16, 4, 9, 2), (8, 8, 6, 10, 1)],
)
def test_bytes_of_a_gated_digit_are_those_of_its_frames(height, width, image, every, openings):
    gate = Gate(input_channel=0, output_channel=1, start=1, every=every)
    spec = Spec(height=height, width=width, image=image, gate=gate)
    cells, pixels = height * width, image * image
    frame = 2 + 4 + 2  # kind and number, CRC, stuffing and delimiter
    command, planes, delta = 3 + 14, 3, 3 + 1 + cells // 4
    image, plane, restored = size("image", pixels), size("plane", cells), size("restored", pixels)
    requests = [2 * command + 3 + 2 + image + planes]
    requests += [*[delta + planes] * (openings - 1), delta + command + 3]
    responses = [*[1 + 1 + plane + 1 + 1] * openings, 1 + restored + 1]
    assert wire_bytes(spec) == sum(requests + responses) + 2 * (openings + 1) * frame


GATED = Spec(gate=Gate(input_channel=0, output_channel=1, start=1, every=3))


def test_gated_digits_a_second_are_those_of_a_link_whose_ways_overlap():
    uart = LINKS["uart"]
    back = sum(len(response) for _, response in frames(GATED))
    alone, rate = uart.rate / wire_bytes(GATED), gated_rate(GATED, uart)
    assert 1.3 * alone < rate
    assert 0.9 * uart.rate / back < rate < uart.rate / back, "one way is always in use"
    faster = LinkSpec(name="faster", rate=10 * uart.rate)
    assert gated_rate(GATED, faster) == pytest.approx(10 * rate, rel=1e-3)


@pytest.mark.parametrize("gate", [GATED.gate, replace(GATED.gate, start=5, every=6)], ids=str)
def test_gated_digits_a_second_are_those_of_a_slow_engine(gate):
    engine, uart, spec = 12.0, LINKS["uart"], replace(GATED, gate=gate)
    rate = gated_rate(spec, uart, 1 / engine / spec.steps)
    assert 0.97 * engine < rate <= engine, "the link hides behind it"
    rates = [gated_rate(spec, uart, 1 / per_second / 10) for per_second in (50, 200, 800, 1e9)]
    assert sorted(rates) == rates and rates[-1] == gated_rate(spec, uart)


def test_requests_wait_for_slow_hosts_two_at_a_time():
    slow = replace(LINKS["uart"], turn=0.1)
    openings = GATED.gate.openings(0, GATED.steps)
    requests = 2 * openings + 2  # of two digits
    assert gated_rate(GATED, slow) == pytest.approx(2 / (requests / WINDOW * 0.1), rel=0.1)


def test_a_spec_without_gate_has_no_gated_digits():
    assert gated_rate(Spec(), LINKS["uart"]) == 0
