"""Estimates are held to the reports of real builds: exact but for LUT and FF."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from golden.files import ROOT, read_json
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Spec
from hw.boards.catalogue import BOARDS, PARTS, find_board
from hw.boards.ecp5 import block_count
from hw.boards.rates import LINKS, gated_rate
from hw.flow.area import area
from hw.flow.estimate import best_filters, builds, estimate, lacking, limits
from hw.shapes import FOLDINGS, SIDES, Geometry, foldings

DIGITS = Skeleton.load(SHIPPED / "digits").spec
REPORTS = sorted((ROOT / "docs" / "boards").glob("*.json"))

LARGEST = read_json(ROOT / "docs" / "boards" / "ulx3s-85f.json")

KEYS = ["board", "filters", "link", "multipliers", "bram", "lut", "ff", "clocks_per_digit",
        "digits_per_second_engine", "digits_per_second_gated", "fits"]  # fmt: skip


def misses(made, report):
    """Return the names of what an estimate has wrong about a report."""
    same = {"filters": "filters", "multipliers": "dsp", "bram": "bram"}
    same |= {name: name for name in KEYS[7:10] if name in report}
    wrong = [name for name, other in same.items() if made[name] != used(report, other)]
    return wrong + [
        name for name in ("lut", "ff") if abs(made[name] / used(report, name) - 1) > 0.15
    ]


def used(report, name):
    """Return an entry of a report."""
    return report[name]["used"] if isinstance(report[name], dict) else report[name]


def made_of(report):
    link = report["link"]["name"].lower() if "link" in report else "uart"
    return estimate(find_board(report["board"]), DIGITS, report["filters"], link)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_an_estimate_agrees_with_each_committed_report(path):
    report = read_json(path)
    assert misses(made_of(report), report) == []


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_part_has_what_nextpnr_reports(path):
    report = read_json(path)
    part = find_board(report["board"]).part
    there = {"dsp": part.multipliers, "bram": part.bram, "lut": part.lut, "ff": part.ff}
    assert there == {name: report[name]["available"] for name in there}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bram", lambda value: value + 1),
        ("multipliers", lambda value: value - 1),
        ("clocks_per_digit", lambda value: value + 1),
        ("digits_per_second_engine", lambda value: value + 0.1),
        ("digits_per_second_gated", lambda value: value - 0.1),
        ("lut", lambda value: value * 1.2),
        ("ff", lambda value: value * 0.8),
    ],
)
def test_a_planted_error_is_found(name, change):
    made = made_of(LARGEST)
    assert misses(made, LARGEST) == []
    assert misses(made | {name: change(made[name])}, LARGEST) == [name]


def test_a_block_more_in_the_count_is_found(monkeypatch):
    monkeypatch.setattr("hw.flow.area.block_count", lambda *m: block_count(*m) + (m[1] == 4096))
    area.cache_clear()
    try:
        assert misses(made_of(LARGEST), LARGEST) == ["bram"]
    finally:
        area.cache_clear()


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_digits_have_the_folding_of_their_board_and_it_fits(board):
    assert best_filters(board, DIGITS) == board.filters
    made = estimate(board, DIGITS)
    assert list(made) == KEYS
    assert made == estimate(board, DIGITS, board.filters)
    step = 1 / made["digits_per_second_engine"] / DIGITS.steps
    rate = gated_rate(DIGITS, LINKS["uart"], step)
    assert made["link"] == "uart" and made["digits_per_second_gated"] == rate > 85
    if board.name == "ulx3s-12f":
        text = "The chip fits the die, but not the data sheet: 47 block RAMs (of 32); "
        assert made["fits"].startswith(text)
    else:
        assert made["fits"] is True


@pytest.mark.parametrize(
    ("board", "change", "filters", "text"),
    [
        ("ulx3s-25f", {}, 5,
         "The chip needs 69 multipliers (of 28), 68 block RAMs (of 56): F = 2 would fit."),
        ("ulx3s-45f", {}, 10, "The chip needs 136 multipliers (of 72): F = 5 would fit."),
        ("ulx3s-85f", {"width": 36}, 5,
         "The chip needs 18,432 rows of a memory (of 16,384): a side of 32 with F = 5 would fit."),
        ("ulx3s-25f", {"width": 64, "height": 64}, 2,
         "The chip needs 102 block RAMs (of 56), 65,536 rows of a memory (of 16,384): "
         "a side of 32 with F = 2 would fit."),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_what_would_have_to_shrink(board, change, filters, text):
    found = find_board(board)
    spec = replace(DIGITS, **change)
    assert estimate(found, spec, filters)["fits"] == text


def test_what_would_fit_does():
    board = find_board("ulx3s-25f")
    assert lacking(board, DIGITS, 2) == [] and lacking(board, DIGITS, 3)
    wide = replace(DIGITS, width=64, height=64)
    for side in (side for side in SIDES if side >= 28):
        smaller = replace(wide, width=side, height=side)
        assert bool(lacking(board, smaller, 2)) == (side > 32)


@pytest.mark.parametrize("kind", ["multipliers", "bram", "lut", "ff"])
def test_a_part_with_just_enough_fits_and_one_with_less_does_not(monkeypatch, kind):
    board = find_board("ulx3s-25f")
    there = {other: getattr(board.part, other) for other in ("multipliers", "bram", "lut", "ff")}
    there[kind] = enough = area(Geometry(filters=2))[kind]
    monkeypatch.setitem(PARTS, "25F", SimpleNamespace(**there, promised={}))
    assert lacking(board, DIGITS, 2) == []
    there[kind] = enough - 1
    monkeypatch.setitem(PARTS, "25F", SimpleNamespace(**there, promised={}))
    (text,) = lacking(board, DIGITS, 2)
    assert text.startswith(f"{enough:,} ")


def test_where_nothing_fits_it_says_so(monkeypatch):
    monkeypatch.setitem(PARTS, "25F", replace(PARTS["25F"], bram=3))
    board = find_board("ulx3s-25f")
    assert best_filters(board, DIGITS) == 1
    assert estimate(board, DIGITS)["fits"].endswith(": no smaller one fits.")


@pytest.mark.parametrize("multiplier", range(1, 9))
@pytest.mark.parametrize("channels", [4, 8, 16])
def test_all_foldings_that_the_chip_takes_are_estimated(channels, multiplier):
    spec = replace(DIGITS, channels=channels, multiplier=multiplier)
    able = builds(spec)
    assert able[0] == 1 and set(able) <= set(foldings(multiplier))
    if channels == 16:
        assert able == foldings(multiplier)
    rows = [estimate(find_board("ulx3s-85f"), spec, filters) for filters in able]
    for fewer, more in pairwise(rows):
        assert fewer["clocks_per_digit"] > more["clocks_per_digit"]
        assert all(fewer[kind] < more[kind] for kind in ("multipliers", "lut", "ff"))


def test_steps_are_those_of_the_spec():
    board = find_board("ulx3s-45f")
    ten, twenty = (estimate(board, replace(DIGITS, steps=steps), 5) for steps in (10, 20))
    overhead = 2 * ten["clocks_per_digit"] - twenty["clocks_per_digit"]
    assert 0 < overhead < 1000
    assert twenty["digits_per_second_gated"] < ten["digits_per_second_gated"]


def test_a_rule_alone_has_no_gated_digits_and_a_border_costs_a_row():
    board = find_board("ulx3s-45f")
    alone = estimate(board, replace(DIGITS, gate=None), 5)
    assert alone["digits_per_second_gated"] == 0
    wrap = estimate(board, replace(DIGITS, boundary="wrap"), 5)
    assert wrap["bram"] == alone["bram"] + 1
    assert wrap["clocks_per_digit"] > alone["clocks_per_digit"]


def test_what_holds_a_chip_back_is_told():
    board = find_board("ulx3s-45f")
    rate = estimate(board, DIGITS)["digits_per_second_gated"]
    text = f"Gated digits: the link carries {rate} a second."
    assert limits(board, DIGITS, estimate(board, DIGITS)) == [
        "Engine: F = 10 would need 136 multipliers (of 72).",
        text,
    ]
    assert limits(board, DIGITS, estimate(board, DIGITS, 2))[0] == "Engine: F = 3 would fit, too."
    most = estimate(board, DIGITS, 10)
    assert limits(board, DIGITS, most)[0] == "Engine: F = 10 is the most that the chip can have."
    few = replace(DIGITS, multiplier=1, steps=1000)
    made = estimate(board, few, 1)
    rate = made["digits_per_second_gated"]
    assert 0 < rate < made["digits_per_second_engine"]
    assert limits(board, few, made)[1:] == [f"Gated digits: the link carries {rate} a second."]
    rare = replace(few, gate=replace(few.gate, every=1000))
    made = estimate(board, rare, 1)
    assert limits(board, rare, made)[1:] == [
        "Gated digits: the link carries more than the engine computes."
    ]
    alone = replace(DIGITS, gate=None)
    assert len(limits(board, alone, estimate(board, alone))) == 1


LEAST = """
import json, os, sys
from sw.cli import main
try:
    main()
finally:
    print(json.dumps([sum(os.times()[:2]), sorted({"torch", "rich.progress"} & set(sys.modules))]))
"""


def test_it_takes_less_than_a_second_and_no_torch(tmp_path):
    output = tmp_path / "all.json"
    seconds = []
    for _ in range(3):
        command = [sys.executable, "-c", LEAST, "estimate", "--all", "--output", str(output)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env={**os.environ}, check=True
        )
        taken, loaded = json.loads(done.stdout.splitlines()[-1])
        assert loaded == []
        seconds.append(taken)
    assert min(seconds) < 1
    rows = json.loads(output.read_text())
    assert {row["filters"] for row in rows} == {*foldings(5)} >= {*FOLDINGS}
    assert {row["board"] for row in rows} == {*BOARDS}
    assert len(rows) == len(BOARDS) * len(foldings(Spec().multiplier))
