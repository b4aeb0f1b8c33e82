"""Gated digits a second: what is made of measured clocks."""

import json

import pytest

from golden.throughput import digits_per_second
from sim.account import Account, accounted
from sw.docs import SPEED

ROWS = [
    {"pace": 600, "clocks": 6_200, "to_chip": 3, "from_chip": 7},
    {"pace": 100, "clocks": 2_000, "to_chip": 3, "from_chip": 7},
    {"pace": 200, "clocks": 2_200, "to_chip": 3, "from_chip": 7},
]


@pytest.mark.parametrize(
    ("clock", "baud", "clocks"),
    [
        (30, 3_000_000, 2_000),
        (60, 3_000_000, 2_200),
        (30, 2_000_000, 2_100),
        (120, 3_000_000, 4_200),
        (180, 3_000_000, 6_200),
        (180, 1_000_000, 6_200 + 1_200 * 10),
    ],
)
def test_clocks_are_linear_between_measurements(clock, baud, clocks):
    assert digits_per_second(ROWS, clock, baud) == pytest.approx(clock * 1e6 / clocks)


def test_refuses_a_wire_faster_than_any_measured():
    with pytest.raises(ValueError, match=r"^A byte must take at least 100 clocks, not 80\.0$"):
        digits_per_second(ROWS, 24, 3_000_000)


def test_a_clock_counts_for_everything_that_is_at_work_in_it():
    counts = [5, 10, 20, 40, 80, 160, 320, 640, 7, 9]  # bits: wire, engine, gate
    want = Account(1275, 10 + 40 + 160 + 640, 20 + 40 + 320 + 640, 80 + 160 + 320 + 640, 5, 7, 9)
    assert accounted(counts) == want
    assert accounted(counts[:8])[:5] == want[:5]


def test_what_was_measured_is_a_gated_digit_of_at_most_15_kilobytes():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    rows = [row for row in speed["gated"]["rows"] if row["link"] != "bare port"]
    rows += [row for measured in speed["uart"].values() for row in measured]
    assert all(0 < row["to_chip"] + row["from_chip"] <= 15_000 for row in rows)
    board = digits_per_second(speed["uart"]["1"], 90, 3_000_000)
    (here,) = (
        row["digits_per_second"]
        for row in speed["gated"]["rows"]
        if (row["link"], row["contexts"], row["gate_measured"]) == ("UART, 3 Mbaud", 2, False)
    )
    assert board == pytest.approx(here, rel=0.02)
