# amaranth: UnusedElaboratable=no
"""Boards with a USB port: which have one, its PLL and pins, its report, what is refused."""

import re
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from amaranth import ClockDomain, Fragment, Module, Signal
from amaranth.sim import Simulator

from golden.errors import InputError
from golden.samples import calibrated
from golden.skeleton import Skeleton, find
from golden.spec import Spec
from hw.boards import pll
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.pll import UsbPll, pll_settings, usb_pll_settings
from hw.boards.rates import LINKS, gated_rate, wire_bytes
from hw.boards.top import BoardTop, hold, usb_board, usb_pll
from hw.flow.area import area
from hw.flow.estimate import estimate
from hw.flow.report import link_rates, step_seconds
from hw.shapes import Geometry
from tests.streams import finish

SPEC = Spec(height=4, width=4, image=4, channels=4, multiplier=1)
SKELETON = calibrated(SPEC, np.random.default_rng(1))
GEOMETRY = Geometry(spec=SPEC, filters=1, skeletons=2)
DIGITS = Skeleton.load(find("digits")).spec
ULX3S = [name for name in BOARDS if name.startswith("ulx3s")]


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_each_ulx3s_has_a_usb_port_and_nothing_else_has(board):
    assert board.links == (("uart", "usb") if board.name in ULX3S else ("uart",))
    for link in board.links:
        assert board.require_link(link) is LINKS[link]
    with pytest.raises(InputError, match=r"^Link must be uart or usb, not 'ulpi'$"):
        board.require_link("ulpi")
    if board.name not in ULX3S:
        text = rf"^{board.name} must have a USB port at the FPGA, it has UART$"
        with pytest.raises(InputError, match=text):
            board.require_link("usb")


@pytest.mark.parametrize("reference", [12, 16, 25, 48, 50, 100])
def test_the_pll_of_a_port_makes_48_and_12_mhz_within_its_limits(reference):
    found = usb_pll_settings(reference)
    fed, usb_io, usb = found.outputs
    oscillator = found.fed * fed
    assert 400 <= oscillator <= 800
    assert (oscillator / usb_io, oscillator / usb) == (48, 12)
    assert reference / found.input * found.feedback == found.fed
    assert reference / found.input >= 3.125
    assert 1 <= found.feedback <= 128 and max(found.outputs) <= 128


def test_a_reference_that_no_port_can_do_with_is_refused():
    with pytest.raises(ValueError, match=r"^The PLL must make 48 MHz of 26\.001 MHz, and cannot$"):
        usb_pll_settings(26.001)


def test_the_pll_of_a_port_feeds_itself_and_drives_both_clocks(monkeypatch):
    pins = {}
    monkeypatch.setattr(pll, "Instance", lambda kind, **given: pins.update(given, kind=kind))
    reference, usb_io, usb, locked = (Signal(name=name) for name in "abcd")
    settings = UsbPll(input=5, feedback=8, outputs=(12, 10, 40), fed=40.0)
    settings.block(reference, 25.0, usb_io, usb, locked)
    assert (pins["kind"], pins["i_CLKI"], pins["o_LOCK"]) == ("EHXPLLL", reference, locked)
    assert pins["i_CLKFB"] is pins["o_CLKOP"] and pins["p_FEEDBK_PATH"] == "CLKOP"
    assert (pins["o_CLKOS"], pins["o_CLKOS2"]) == (usb_io, usb)
    assert (pins["p_CLKI_DIV"], pins["p_CLKFB_DIV"]) == (5, 8)
    wanted = {"OP": (12, "40.0", "A"), "OS": (10, "48", "B"), "OS2": (40, "12", "C")}
    for name, (divider, frequency, letter) in wanted.items():
        assert pins[f"p_CLK{name}_ENABLE"] == "ENABLED"
        assert pins[f"p_CLK{name}_DIV"] == divider
        assert pins[f"p_CLK{name}_CPHASE"] == divider - 1
        assert pins[f"a_FREQUENCY_PIN_CLK{name}"] == frequency
        assert pins[f"p_OUTDIVIDER_MUX{letter}"] == f"DIV{letter}"


def files(board):
    """Return the files of a board's design with a USB port."""
    platform = board.make_platform()
    settings = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        usb = usb_pll(platform, "usb")
        return platform.prepare(BoardTop(GEOMETRY, [SKELETON], pll=settings, usb=usb), "top").files


def test_a_design_has_the_ports_pins_its_four_clocks_and_two_plls():
    board = find_board("ulx3s-45f")
    made = files(board)
    pins = re.findall(r'LOCATE COMP "usb_0__(\w+)__io" SITE "(\w+)"', made["top.lpf"])
    assert dict(pins) == {"d_p": "D15", "d_n": "E15", "pullup": "B12"}
    assert "uart_0" not in made["top.lpf"]
    found = re.findall(r"^FREQUENCY NET .* ([\d.]+) HZ;$", made["top.lpf"], re.MULTILINE)
    link = pll_settings(25, board.clock).link
    assert sorted(map(float, found)) == [12e6, 48e6, link * 1e6, board.clock * 1e6]
    assert len(re.findall(r"cell \\EHXPLLL", made["top.il"])) == 2


def test_a_design_is_the_same_each_time_so_that_what_is_made_of_it_can_be_kept():
    first, second = (files(find_board("ulx3s-25f")) for _ in range(2))
    assert first["top.il"] == second["top.il"]


def test_a_reset_is_held_until_the_plls_have_locked_and_16_clocks_more():
    m, locked = Module(), Signal()
    m.domains.usb = usb = ClockDomain("usb")
    hold(m, "usb", locked)
    held = []

    async def bench(ctx):
        for _ in range(40):
            await ctx.tick("usb")
            assert ctx.get(usb.rst) == 1
        ctx.set(locked, 1)
        for _ in range(20):
            held.append(ctx.get(usb.rst))
            await ctx.tick("usb")

    simulator = Simulator(Fragment.get(m, None))
    simulator.add_clock(1e-6, domain="usb")
    simulator.add_testbench(bench)
    finish(simulator, 1000, "the reset hangs")
    assert held == [1] * 16 + [0] * 4


def test_without_luna_a_usb_board_is_one_line(monkeypatch):
    monkeypatch.delitem(sys.modules, "hw.usb_board", raising=False)
    monkeypatch.setitem(sys.modules, "hw.link.usb", None)
    text = r"^A USB link needs luna-usb: pip install 'thalweg\[usb\]' \(.*\)$"
    with pytest.raises(InputError, match=text):
        usb_board(GEOMETRY, [SKELETON])


def test_digits_over_usb_have_one_bus_for_both_ways():
    usb = LINKS["usb"]
    assert usb.rate == 1_024_000 and usb.turn == 250e-6
    ways = replace(usb, turn=0, shared=False)
    assert gated_rate(DIGITS, ways) > usb.rate / wire_bytes(DIGITS)
    bus = replace(usb, turn=0)
    assert gated_rate(DIGITS, bus) == round(usb.rate / wire_bytes(DIGITS), 1)
    assert 2 * gated_rate(DIGITS, LINKS["uart"]) < gated_rate(DIGITS, usb)
    assert gated_rate(DIGITS, usb) <= gated_rate(DIGITS, bus)


def test_a_report_says_which_link_its_rate_and_its_clock():
    told = link_rates(LINKS["usb"], DIGITS, 60)
    assert told.pop("bytes_per_gated_digit") == wire_bytes(DIGITS)
    assert told == {
        "name": "USB",
        "bytes_per_second": 1_024_000,
        "turn_microseconds": 250,
        "clock_mhz": 60,
        "gated_digits_per_second": gated_rate(DIGITS, LINKS["usb"]),
        "counted": LINKS["usb"].counted,
    }


def test_an_estimate_counts_the_device_in():
    board = find_board("ulx3s-25f")
    uart, usb = estimate(board, DIGITS), estimate(board, DIGITS, link="usb")
    assert (usb["link"], usb["filters"], usb["fits"]) == ("usb", uart["filters"], True)
    step = step_seconds(Geometry(spec=DIGITS.ungated, filters=board.filters), board.clock)
    assert usb["digits_per_second_gated"] == gated_rate(DIGITS, LINKS["usb"], step)
    chip = Geometry(spec=DIGITS.ungated, filters=2)
    assert all(usb[kind] == cells for kind, cells in area(chip, "usb").items())
    more = {kind: usb[kind] - uart[kind] for kind in area(chip)}
    assert more["multipliers"] == 0 and more["bram"] == 0
    assert 1400 < more["lut"] < 2600 and 700 < more["ff"] < 1200


def test_a_board_without_a_port_is_one_line_for_every_verb(fails, tmp_path):
    text = "versa-ecp5-5g must have a USB port at the FPGA, it has UART"
    given = ("versa-ecp5-5g", "--link", "usb")
    fails(text, "bitstream", *given, "--output", tmp_path / "out")
    fails(text, "netlist-sim", *given)
    fails(text, "estimate", "--board", *given)
    assert not (tmp_path / "out").exists()
    fails("Link must be uart or usb, not 'wifi'", "bitstream", "ulx3s-25f", "--link", "wifi")
    fails("Link must be uart or usb, not 'wifi'", "netlist-sim", "all", "--link", "wifi")
    fails("Link must be uart or usb, not 'wifi'", "estimate", "--link", "wifi")


def test_all_estimates_over_usb_are_of_boards_with_a_port(thalweg):
    code, out, _ = thalweg("estimate", "--link", "usb")
    named = [line.split()[0] for line in out.splitlines() if re.match(r"[a-z0-9]+-\w+ ", line)]
    assert code == 0 and [name for name in named if name in BOARDS] == ULX3S


def test_a_bitstream_with_usb_lies_in_a_folder_of_its_own(thalweg, calls, monkeypatch):
    spread = dict.fromkeys(("min", "median", "max", "seeds"), 1)
    told = {"fmax_mhz": spread, "clock_mhz": 160}
    monkeypatch.setattr("hw.flow.build.build", calls.fake("build", told))
    monkeypatch.setattr("hw.flow.loading.program", calls.fake("program"))
    code, out, _ = thalweg("bitstream", "ulx3s-25f", "--link", "usb")
    where = "build/ulx3s-25f-usb"
    said = f"wrote {where}/thalweg.bit and {where}/report.json"
    assert (code, out.splitlines()[-1]) == (0, said)
    (board, _, folder), options = calls.of("build")
    assert (board.name, str(folder), options["link"]) == ("ulx3s-25f", where, "usb")
    assert thalweg("program", "ulx3s-25f", "--link", "usb")[0] == 0
    assert str(calls.of("program")[0][1]) == f"{where}/thalweg.bit"
