"""What `thalweg simulate` refuses before it builds anything, and how long its port waits."""

import re
from types import SimpleNamespace

import pytest

from golden.errors import InputError
from hw.boards.catalogue import BOARDS
from sim.devices.board import CLOCK, SLICE, SimulatedPort, divisor_of
from sw.cli.simulate import filters_of, serve


@pytest.mark.parametrize(
    ("baud", "divisor"), [(3_000_000, 8), (6_000_000, 4), (921_600, 26), (115_200, 208)]
)
def test_usual_rates_can_be_had(baud, divisor):
    assert divisor_of(CLOCK, baud) == divisor


@pytest.mark.parametrize("baud", [7_000_000, 5_500_000, 0, -1])
def test_other_rates_are_refused_in_one_line(baud):
    text = f"--baud must be at most 6000000 and within 2 % of 24000000 / n, not {baud}"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        serve(baud=baud)


def test_other_filters_are_refused_in_one_line():
    text = "Filters per clock must be one of 1, 2, 3, 5, 10 where a channel has 5, not 4"
    with pytest.raises(InputError, match=f"^{text}$"):
        serve(filters=4)


def test_unknown_skeleton_is_refused():
    with pytest.raises(InputError, match="nowhere"):
        serve(["nowhere"])


def test_a_board_brings_its_own_filters():
    assert filters_of("ulx3s-25f", None) == filters_of("ulx3s-25f", 2) == 2
    assert (filters_of(None, None), filters_of(None, 2)) == (5, 2)


def test_a_board_and_other_filters_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"^--filters must be 2 with --board ulx3s-25f, not 5$"):
        serve(board="ulx3s-25f", filters=5)


def test_an_unknown_board_is_refused_in_one_line(fails):
    boards = ", ".join(BOARDS)
    fails(f"Board must be one of {boards}, not 'none'", "simulate", "--board", "none")


@pytest.mark.parametrize(("patience", "waits"), [(None, 200), (50, 50)])
def test_a_read_waits_its_time_however_long_the_wires_were_quiet_before(patience, waits):
    come, ended, asked = iter([b"", b"ab", b"cd"]), iter([SLICE, SLICE, 7]), []
    board = SimpleNamespace(
        patience=100,
        quiet=900,
        receive=lambda: next(come),
        clock=lambda limit, quiet: (asked.append((limit, quiet)), next(ended))[1],
    )
    port = SimulatedPort(board, patience)
    assert port.read() == b"ab" and asked == [(SLICE, 900 + waits)] * 3
    assert port.read() == b"cd" and len(asked) == 3  # what is there already takes no time
