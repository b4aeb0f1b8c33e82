"""The verbs asic and asic-sim: what they print, and how they refuse bad input."""

import pytest

from sw.cli.asic import lines


@pytest.fixture(autouse=True)
def without_pdk(monkeypatch, tmp_path):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--library", "gf180"], "LIBRARY must be one of sg13g2, sky130, not 'gf180'"),
        (["--corner", "fast"], "CORNER must be one of typ, slow, not 'fast'"),
        (["--liberty", "x.lib"], "LIBERTY must be a liberty file or a folder of some, not 'x.lib'"),
    ],
)
@pytest.mark.parametrize("verb", ["asic", "asic-sim"])
def test_refuses_a_library_that_is_not_there(thalweg, verb, words, said):
    code, out, err = thalweg(verb, *words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--design", "f5"], "DESIGN must be one of f1, small, hardwired, tiny, not 'f5'"),
        (["--skeleton-memory", "flash"], "The skeleton memory must be logic or macro, not 'flash'"),
        (
            ["digits", "digits-ca", "--design", "hardwired"],
            "A hardwired chip must have one skeleton",
        ),
        (["--design", "hardwired", "--skeleton-memory", "macro"], "one skeleton, which is logic"),
        (["digits", "--design", "small"], "Skeleton digits must have spec.height 16, not 32"),
    ],
)
def test_refuses_a_chip_that_cannot_be(thalweg, words, said):
    code, out, err = thalweg("asic", *words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_a_netlist_to_simulate_needs_a_library(thalweg):
    code, out, err = thalweg("asic-sim", "--design", "small")
    assert (code, out) == (2, "")
    assert "The netlist in standard cells needs $PDK_ROOT or --liberty" in err


@pytest.mark.parametrize("design", ["hardwired", "tiny"])
def test_other_chips_have_simulations_of_their_own(thalweg, design):
    code, out, err = thalweg("asic-sim", "--design", design)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"DESIGN must be f1 or small, not '{design}': docs/asic.md has its proof" in err


def test_a_layout_needs_a_library(thalweg, tmp_path):
    code, out, err = thalweg("asic", "--design", "small", "--librelane", tmp_path / "layout")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "A layout needs $PDK_ROOT or --liberty: area and period are measured" in err
    assert not (tmp_path / "layout").exists()


def test_clock_gates_need_a_library(thalweg):
    code, out, err = thalweg("asic", "--design", "small", "--clock-gates")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "Clock gates need $PDK_ROOT or --liberty: they are cells of a library" in err


def test_says_what_there_is_without_a_library():
    [line] = lines({"library": None, "cells": 12345, "memories": [{}, {}]})
    assert line == (
        "no PDK: 12,345 generic gates and flip-flops, 2 memories; area and period need $PDK_ROOT "
        "or --liberty"
    )


def test_says_area_period_and_violations():
    path = {"ns": 3.5, "cells": [{}, {}], "end": "array"}
    report = {
        "library": "sg13g2",
        "area_mm2": 0.4,
        "cells": 12345,
        "flops": 2345,
        "clock_gates": {"gates": 0, "flops": 0},
        "memories": [{}],
        "longest_path": path,
        "opensta": None,
        "period_ns": 3.5,
        "violations": {"fanout": 1234, "capacitance": 0},
        "digits_per_second": 349.5,
    }
    assert lines(report) == [
        "0.4 mm2 without memories, 12,345 cells, 2,345 of them flip-flops; 1 memories",
        "3.5 ns without wires, 2 cells to array",
        "349.5 ungated digits a second at 3.5 ns",
        "1,234 outputs over the library's fan-out, 0 over its capacitance",
    ]
    timed = report | {"opensta": {"version": "2.0.17", "ns": 3.6, "end": "port"}}
    assert lines(timed)[2] == "3.6 ns by OpenSTA 2.0.17, to port"
    gated = report | {"clock_gates": {"gates": 12, "flops": 1200}}
    assert lines(gated)[-1] == "12 clock gates, 1,200 flip-flops behind them"
