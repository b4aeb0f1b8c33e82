"""The verb estimate: what it prints and writes, and how it refuses bad input."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.samples import calibrated
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Spec
from hw.boards.catalogue import BOARDS, find_board
from hw.flow.estimate import builds, estimate
from hw.shapes import foldings

DIGITS = Skeleton.load(SHIPPED / "digits").spec


def asked(thalweg, tmp_path, *words):
    """Return what a command line prints and the estimates that it writes."""
    path = tmp_path / "new" / "estimates.json"
    code, out, err = thalweg("estimate", *words, "--output", path)
    assert (code, err) == (0, "")
    return out, json.loads(path.read_text())


def test_all_boards_have_their_own_folding_unless_told(thalweg, tmp_path):
    out, rows = asked(thalweg, tmp_path)
    assert rows == [estimate(board, DIGITS) for board in BOARDS.values()]
    lines = out.splitlines()
    assert lines[0].split() == "board F MULT BRAM LUT FF clocks engine gated fits".split()
    assert all(len(line) <= 80 for line in lines[: 1 + len(BOARDS)])
    for line, row in zip(lines[1:], rows, strict=False):
        numbers = [f"{value:,}" for value in [row["filters"], *list(row.values())[3:-1]]]
        assert line.split() == [row["board"], *numbers, "yes" if row["fits"] is True else "no"]
    notes = [
        f"{r['board']}, F = {r['filters']}: {r['fits']}" for r in rows if r["fits"] is not True
    ]
    assert lines[-len(notes) :] == notes != []


def test_all_foldings_of_all_boards(thalweg, tmp_path):
    _, rows = asked(thalweg, tmp_path, "--all", "--multiplier", 3)
    spec = replace(DIGITS, multiplier=3)
    assert [(row["board"], row["filters"]) for row in rows] == [
        (board, filters) for board in BOARDS for filters in foldings(3)
    ]
    assert rows == [estimate(BOARDS[row["board"]], spec, row["filters"]) for row in rows]


def test_all_foldings_of_a_board_leave_out_what_the_chip_does_not_take(thalweg, tmp_path):
    words = ("--board", "ulx3s-85f", "--channels", 4, "--all")
    _, rows = asked(thalweg, tmp_path, *words)
    able = builds(replace(DIGITS, channels=4))
    assert [row["filters"] for row in rows] == able != foldings(5)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (("--channels", 8, "--multiplier", 3), {"channels": 8, "multiplier": 3}),
        (("--side", 40, "--channels", 8), {"height": 40, "width": 40, "channels": 8}),
        (("--side", 16), {"height": 16, "width": 16, "image": 16}),
        (("--boundary", "wrap"), {"boundary": "wrap"}),
        (("--link", "uart", "--filters", 2), {}),
    ],
)
def test_a_shape_is_that_of_digits_but_for_what_is_told(thalweg, tmp_path, words, change):
    _, rows = asked(thalweg, tmp_path, "--board", "ulx3s-45f", *words)
    filters = 2 if "--filters" in words else None
    assert rows == [estimate(find_board("ulx3s-45f"), replace(DIGITS, **change), filters)]


def test_a_shape_is_that_of_a_skeleton(thalweg, tmp_path):
    spec = Spec(height=12, width=20, channels=4, multiplier=7, image=8, boundary="wrap", steps=7)
    calibrated(spec, np.random.default_rng(1)).save(tmp_path / "mine")
    out, rows = asked(thalweg, tmp_path, "--board", "ulx3s-25f", "--skeleton", tmp_path / "mine")
    (row,) = rows
    assert row == estimate(find_board("ulx3s-25f"), spec)
    assert row["digits_per_second_gated"] == 0 and "gated  " not in out


def test_one_chip_is_told_line_by_line(thalweg):
    code, out, err = thalweg("estimate", "--board", "ulx3s-45f")
    row = estimate(find_board("ulx3s-45f"), DIGITS)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "ulx3s-45f, F = 5",
        "  MULT            69 of 72, 96%",
        "  BRAM            68 of 108, 63%",
    ]
    assert lines[3].split()[:4] == ["LUT", f"{row['lut']:,}", "of", "43,848,"]
    rate = row["digits_per_second_gated"]
    assert lines[7].split() == ["gated", str(rate)] and rate > 85
    assert lines[-2:] == [
        "Engine: F = 10 would need 136 multipliers (of 72).",
        f"Gated digits: the link carries {rate} a second.",
    ]


def test_a_chip_without_room_is_told_and_is_exit_code_2(thalweg, tmp_path):
    path = tmp_path / "e.json"
    words = ("--board", "ulx3s-25f", "--filters", 5, "--output", path)
    code, out, err = thalweg("estimate", *words)
    text = "The chip needs 69 multipliers (of 28), 68 block RAMs (of 56): F = 2 would fit."
    assert (code, err) == (2, f"thalweg: ulx3s-25f has no room for F = 5: {text}\n")
    assert text in out.splitlines() and json.loads(path.read_text())[0]["fits"] == text


BOARD_NAMES = ", ".join(BOARDS)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--board", "LFE5U-25F"), f"Board must be one of {BOARD_NAMES}, not 'LFE5U-25F'"),
        (("--link", "ulpi"), "Link must be uart or usb, not 'ulpi'"),
        (("--board", "versa-ecp5-5g", "--link", "usb"),
         "versa-ecp5-5g must have a USB port at the FPGA, it has UART"),
        (("--filters", 4), "Filters per clock must be one of 1, 2, 3, 5, 10 where a channel "
                           "has 5, not 4"),
        (("--multiplier", 4, "--filters", 5), "Filters per clock must be one of 1, 2, 4, 8 where "
                                              "a channel has 4, not 5"),
        (("--multiplier", 9), "spec.multiplier must be an integer from 1 to 8, not 9"),
        (("--channels", 5), "The chip takes spec.channels 4, 8 or 16, not 5"),
        (("--side", 30), "The chip takes spec.height 4 to 64 in steps of 4, not 30"),
        (("--side", 31), "spec.height must be even, not 31"),
        (("--boundary", "open"), "spec.boundary must be one of zero, wrap, not 'open'"),
        (("--channels", 4, "--filters", 10), "10 filters per clock leave 2 clocks a cell, the chip "
                                             "needs 4"),
        (("--all", "--filters", 2), "--all and --filters must not be given together"),
        (("--skeleton", "digits", "--side", 32), "--skeleton and --side must not be given "
                                                 "together"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(fails, tmp_path, words, text):
    path = tmp_path / "e.json"
    fails(text, "estimate", *words, "--output", path)
    assert not path.exists()


def test_a_missing_skeleton_and_a_folder_in_the_way_are_one_line(thalweg, fails, tmp_path):
    code, out, err = thalweg("estimate", "--skeleton", "nosuch")
    assert (code, out) == (2, "") and err.startswith("thalweg: Skeleton must be a folder with ")
    text = f"{tmp_path} must be a file to write, not a folder"
    fails(text, "estimate", "--output", tmp_path)
