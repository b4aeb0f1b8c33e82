"""The area model: its coefficients are fitted to the designs beside them, and agree with them."""

import json

import numpy as np
import pytest

from golden.files import read_json, write_json
from hw.boards.pll import usb_pll_settings
from hw.flow import area_fit
from hw.flow.area import COEFFICIENTS, KINDS, TERMS, area, deepest, lookup_memory, terms
from hw.flow.area_fit import SHAPES, fit, geometry_of, main
from hw.shapes import Geometry

FITTED = read_json(COEFFICIENTS)


def shape_name(shape):
    return "-".join(map(str, shape.values()))


def test_coefficients_are_fitted_to_the_designs_beside_them():
    for shape in FITTED["shapes"]:
        assert [*shape] == [*SHAPES[0], "lut", "ff", "dsp", "bram"]
    assert [{key: shape[key] for key in SHAPES[0]} for shape in FITTED["shapes"]] == [*SHAPES]
    assert fit(FITTED["shapes"]) == FITTED["terms"]
    assert FITTED["made_by"] == "python -m hw.flow.area_fit"


def test_designs_tell_all_terms_apart_and_no_term_costs_less_than_nothing():
    counts = np.array([list(terms(geometry_of(shape)).values()) for shape in SHAPES])
    assert np.linalg.matrix_rank(counts) == len(TERMS) < len(SHAPES)
    for kind in KINDS:
        assert list(FITTED["terms"][kind]) == list(TERMS)
        assert min(FITTED["terms"][kind].values()) > 0


@pytest.mark.parametrize("shape", FITTED["shapes"], ids=shape_name)
def test_area_agrees_with_what_nextpnr_packed(shape):
    found = area(geometry_of(shape))
    assert (found["multipliers"], found["bram"]) == (shape["dsp"], shape["bram"])
    for kind in KINDS:
        assert found[kind] == pytest.approx(shape[kind], rel=0.01)


def test_terms_of_the_foldings_of_digits_are_those_counted_by_hand():
    found = {filters: [*terms(Geometry(filters=filters)).values()] for filters in (1, 2, 5, 10)}
    assert found == {
        1: [0, 1, 8, 1, 16, 1],
        2: [1, 0, 16, 1, 16, 1],
        5: [2, 1, 40, 1, 16, 1],
        10: [4, 2, 80, 2, 16, 1],
    }


def test_small_memories_are_rounded_up_to_16_rows_of_4_bits():
    # Six lines of a cell have 16 rows of 8 bits each, the cells in the pipeline 64.
    assert lookup_memory(Geometry(filters=1)) == 4 * (6 * 2 + 2 * 4)


def test_the_deepest_memory_is_a_lattice():
    assert deepest(Geometry(filters=1)) == 32 * 32 * 16
    assert deepest(Geometry(filters=10)) == 32 * 32 * 8


def test_cells_are_counted_as_they_are_packed(monkeypatch, tmp_path):
    made = []

    def synthesise(board, platform, top, folder):
        folder.mkdir(parents=True)
        made.append((board.name, top))
        return folder / "thalweg.json"

    def call(command, log, *, folder):
        assert "--pack-only" in command and "thalweg.json" in command
        count = len(made)
        types = count * ["TRELLIS_COMB"] + ["TRELLIS_FF"] + ["DP16KD"] * 2 + ["OTHER"]
        cells = {str(index): {"type": kind} for index, kind in enumerate(types)}
        packed = folder / command[command.index("--write") + 1]
        write_json(packed, {"modules": {"top": {"cells": cells}}})

    monkeypatch.setattr(area_fit, "synthesise", synthesise)
    monkeypatch.setattr(
        area_fit, "BoardTop", lambda geometry, skeletons, *, pll, usb: (geometry, usb)
    )
    monkeypatch.setattr(area_fit, "call", call)
    monkeypatch.setattr(area_fit, "tool", lambda name: (name,))
    monkeypatch.setattr(area_fit, "lookup_memory", lambda geometry: 0)
    main(tmp_path / "build", tmp_path / "area.json")
    found = json.loads((tmp_path / "area.json").read_text())
    assert [board for board, _ in made] == ["ulx3s-85f"] * (len(SHAPES) + 1)
    tops = [(geometry_of(shape), None) for shape in SHAPES]
    assert [top for _, top in made] == [*tops, (geometry_of(SHAPES[0]), usb_pll_settings(25))]
    assert found["shapes"] == [
        shape | {"lut": index + 1, "ff": 1, "dsp": 0, "bram": 2}
        for index, shape in enumerate(SHAPES)
    ]
    assert {*found["terms"]} == {*KINDS}
    more = {"lut": len(SHAPES), "ff": 0, "bram": 0}
    assert found["links"] == {"uart": dict.fromkeys(more, 0), "usb": more}
