"""Where the time of gated digits goes: what is made of measured clocks."""

import json

import pytest

from golden.skeleton import SHIPPED, Skeleton
from hw.boards.rates import BITS_A_BYTE, wire_bytes
from hw.boards.top import BAUD
from sim.account import Account, accounted
from sw.docs import SPEED


def test_a_clock_counts_for_everything_that_is_at_work_in_it():
    counts = [5, 10, 20, 40, 80, 160, 320, 640, 7, 9]  # bits: wire, engine, gate
    want = Account(1275, 10 + 40 + 160 + 640, 20 + 40 + 320 + 640, 80 + 160 + 320 + 640, 5, 7, 9)
    assert accounted(counts) == want
    assert accounted(counts[:8])[:5] == want[:5]


def test_what_was_measured_is_a_gated_digit_of_at_most_15_kilobytes():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    rows = [row for row in speed["gated"]["rows"] if row["link"] != "bare port"]
    assert all(0 < row["to_chip"] + row["from_chip"] <= 15_000 for row in rows)


def test_the_rate_of_a_report_is_what_was_measured():
    (measured,) = (
        row["digits_per_second"]
        for row in json.loads(SPEED.read_text(encoding="utf-8"))["gated"]["rows"]
        if (row["link"], row["contexts"], row["gate_measured"]) == ("UART, 3 Mbaud", 2, False)
    )
    spec = Skeleton.load(SHIPPED / "digits").spec
    assert BAUD / BITS_A_BYTE / wire_bytes(spec) == pytest.approx(measured, rel=0.05)
