"""The floor plan: each multiplier on a place of its own, neighbours in a chain near on the die."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from hw.boards.catalogue import BOARDS, PARTS
from hw.flow.floorplan import fix_multipliers, floor_plan, sites
from hw.shapes import TAPS, Geometry

PLACE = re.compile(r"X(\d+)/Y(\d+)/MULT18_(\d)")


def elements(geometry):
    """Names of a chip's processing elements, as a mapped netlist has them."""
    for lane, filters in enumerate(geometry.lane_filters):
        kinds = [("perceive", TAPS)]
        kinds += [(f"mix{column}", geometry.spec.channels // 2) for column in range(filters)]
        for kind, count in kinds:
            for element in range(count):
                yield f"board.chip.array.lane{lane}.{kind}.pe{element}.multiplier.block"


def where(place):
    return tuple(map(int, PLACE.fullmatch(place).groups()))


@pytest.mark.parametrize("name", PARTS)
def test_a_die_has_as_many_places_as_multipliers(name):
    part = PARTS[name]
    rows = sites(part)
    places = [where(place) for row in rows for place in row]

    assert len(set(places)) == len(places) == part.multipliers
    assert {x - index for x, _, index in places} == set(part.dsp_columns)
    assert [where(row[0])[1] for row in rows] == {
        (13,): [13], (22, 46): [46, 22], (10, 34, 58): [34, 10, 58],
    }[part.dsp_rows]  # fmt: skip


TALL = {name: board for name, board in BOARDS.items() if len(board.part.dsp_rows) > 1}


@pytest.mark.parametrize("board", TALL.values(), ids=TALL)
def test_all_elements_of_a_board_are_placed_and_chains_are_short(board):
    geometry = Geometry(filters=board.filters)
    names = list(elements(geometry))
    plan = floor_plan(reversed(names), board.part)
    assert set(plan) == set(names) and len(set(plan.values())) == len(names)

    def distance(one, other):
        (x, y, _), (u, v, _) = (where(plan[name]) for name in (one, other))
        return abs(x - u) + abs(y - v)

    path = "board.chip.array.lane{}.{}.pe{}.multiplier.block"
    columns = [
        (lane, f"mix{column}")
        for lane, filters in enumerate(geometry.lane_filters)
        for column in range(filters)
    ]
    hops = [
        distance(path.format(*one, element), path.format(*other, element))
        for one, other in pairwise(columns)
        for element in range(geometry.spec.channels // 2)
    ]
    hops += [
        distance(path.format(lane, "perceive", tap), path.format(lane, "perceive", tap - 1))
        for lane in range(len(geometry.lane_filters))
        for tap in range(1, TAPS)
    ]
    assert max(hops) <= 60
    assert sum(hops) / len(hops) <= 20


def test_what_has_no_room_and_what_is_no_element_stays_free():
    names = list(elements(Geometry(filters=5)))
    small = replace(PARTS["45F"], dsp_columns=(4, 13, 22))
    others = ["board.chip.lattice_port.readout.multiplier.block", f"{names[0]}_LUT4", "x.lane0.a"]
    plan = floor_plan([*names, *others], small)

    assert set(plan) < set(names)
    assert len(set(plan.values())) == len(plan) <= small.multipliers
    assert floor_plan(names, PARTS["25F"]) == {}


def test_places_are_attributes_of_the_cells():
    name = next(elements(Geometry(filters=1)))
    cells = {name: {"type": "MULT18X18D", "attributes": {"src": "x"}}, "other": {}}
    netlist = {"modules": {"top": {"cells": cells}, "black box": {}}}
    fix_multipliers(netlist, PARTS["45F"])

    assert cells[name]["attributes"] == {"src": "x", "BEL": "X4/Y46/MULT18_0"}
    assert cells["other"] == {}
