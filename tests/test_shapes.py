"""Geometries: what the chip takes, and accumulators as wide as they must be."""

import pytest
from amaranth import Shape, signed, unsigned

from golden import wire
from golden.errors import InputError
from golden.spec import Spec
from hw.shapes import (
    Geometry,
    Operation,
    encode_sum,
    interval,
    readout_sum,
    tap_sum,
    update_sum,
)


@pytest.mark.parametrize(
    ("multiplier", "choices", "filters"),
    [
        (5, "1, 2, 3, 5, 10", (0, 4, 6, 20, -1, "5", None, 2.5)),
        (1, "1, 2", (3, 5)),
        (4, "1, 2, 4, 8", (3, 5)),
        (8, "1, 2, 3, 4, 8, 16", (5, 6, 7, 10)),
    ],
)
def test_rejects_other_foldings(multiplier, choices, filters):
    for count in filters:
        with pytest.raises(InputError) as error:
            Geometry(spec=Spec(multiplier=multiplier), filters=count)
        text = f"Filters per clock must be one of {choices} where a channel has {multiplier}"
        assert str(error.value) == f"{text}, not {count!r}"


def test_rejects_a_cell_that_takes_fewer_clocks_than_the_sequencer_needs():
    with pytest.raises(InputError) as error:
        Geometry(spec=Spec(channels=4, multiplier=2), filters=4)
    assert str(error.value) == "4 filters per clock leave 2 clocks a cell, the chip needs 4"


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("height", 6, "4 to 64 in steps of 4"),
        ("width", 68, "4 to 64 in steps of 4"),
        ("height", 256, "4 to 64 in steps of 4"),
        ("channels", 12, "4, 8 or 16"),
        ("channels", 1, "4, 8 or 16"),
    ],
)
def test_rejects_what_the_chip_cannot_hold(name, value, choices):
    with pytest.raises(InputError) as error:
        Geometry(spec=Spec(**{"image": 4, name: value}), filters=1)
    assert str(error.value) == f"The chip takes spec.{name} {choices}, not {value!r}"


@pytest.mark.parametrize(
    ("name", "most", "counts"), [("skeletons", 32, (0, 33)), ("contexts", 8, (-1, 0, 9))]
)
def test_a_chip_has_room_for_one_and_for_no_more_than_a_status_tells(name, most, counts):
    for count in (1, most):
        assert getattr(Geometry(**{name: count}), name) == count
    for count in counts:
        with pytest.raises(InputError) as error:
            Geometry(**{name: count})
        assert str(error.value) == f"The chip must have 1 to {most} {name}, not {count!r}"


@pytest.mark.parametrize("side", range(4, 65, 4))
def test_a_lattice_may_have_any_side_of_a_multiple_of_four(side):
    for height, width in ((side, 32), (32, side)):
        geometry = Geometry(spec=Spec(height=height, width=width, image=4))
        assert geometry.cell.width == (height * width - 1).bit_length()
        assert described(geometry.position)["x"].width == (width - 1).bit_length()
        assert described(geometry.site)["y"].width == (height // 2 - 1).bit_length()


def test_an_unspecified_chip_has_five_filters_two_contexts_and_room_for_four_skeletons():
    geometry = Geometry()
    assert (geometry.filters, geometry.contexts, geometry.skeletons) == (5, 2, 4)
    assert geometry.spec == Spec()


@pytest.mark.parametrize(
    ("contexts", "bits", "skeletons", "wide"),
    [(1, 1, 2, 1), (2, 1, 1, 1), (3, 2, 5, 3), (4, 2, 3, 2), (5, 3, 32, 5), (8, 3, 17, 5)],
)
def test_numbers_of_contexts_and_skeletons_have_bits_for_all(contexts, bits, skeletons, wide):
    geometry = Geometry(contexts=contexts, skeletons=skeletons)
    for layout in (geometry.command, geometry.plane, geometry.delta):
        assert described(layout)["context"] == unsigned(bits)
    for layout in (geometry.command, geometry.address, geometry.check):
        assert described(layout)["skeleton"] == unsigned(wide)


def described(layout):
    """Shape of each field of a layout, as plain integers are."""
    return {name: Shape.cast(field.shape) for name, field in layout}


def test_what_travels_has_its_fields_in_the_order_and_the_width_that_the_verilog_tells():
    geometry = Geometry(filters=2, contexts=3, skeletons=9)
    gate = [("active", 0, 1), ("phased", 1, 1), ("opening", 2, 2)]
    gate += [("input_channel", 4, 4), ("output_channel", 8, 4), ("wait", 12, 16), ("every", 28, 16)]
    command = [("operation", 0, 3), ("context", 3, 2), ("skeleton", 5, 4), ("steps", 9, 32)]
    layouts = {
        "gate": gate,
        "command": [*command, ("gate", 41, 44)],
        "plane": [("code", 0, 8), ("context", 8, 2), ("last", 10, 1)],
        "delta": [("code", 0, 8), ("context", 8, 2)],
        "address": [("slot", 0, 6), ("skeleton", 6, 4)],
        "check": [("active", 0, 1), ("slot", 1, 6), ("skeleton", 7, 4)],
        "word": [(0, 0, 8)],
    }
    for name, fields in layouts.items():
        found = [(key, f.offset, Shape.cast(f.shape).width) for key, f in getattr(geometry, name)]
        assert found == fields, name
    assert [described(one)["code"] for one in (geometry.plane, geometry.delta)] == [signed(8)] * 2


def test_operations_have_the_numbers_that_the_protocol_gives_them():
    assert {kind.name: kind.value for kind in Operation} == {
        kind.name: kind.value for kind in wire.Operation
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (1, "perceive0 mix0_0 residual0 encode readout identity"),
        (2, "perceive0 mix0_0 mix0_1 residual0 encode readout identity"),
        (
            5,
            "perceive0 mix0_0 mix0_1 perceive1 mix1_0 mix1_1 perceive2 mix2_0 "
            "residual0 encode readout identity",
        ),
    ],
)
def test_memories_are_checked_lane_by_lane_and_the_identities_last(filters, names):
    assert Geometry(filters=filters).scanned == names.split()


@pytest.mark.parametrize(
    ("low", "high", "shape"),
    [
        (0, 0, unsigned(0)),
        (0, 255, unsigned(8)),
        (0, 256, unsigned(9)),
        (-1, 0, signed(1)),
        (-128, 127, signed(8)),
        (-128, 128, signed(9)),
        (-129, 127, signed(9)),
    ],
)
def test_an_interval_has_the_narrowest_shape(low, high, shape):
    assert interval(low, high) == shape


@pytest.mark.parametrize(
    ("filters", "slots", "lanes"),
    [
        (1, 80, [1]),
        (2, 48, [2]),
        (3, 32, [2, 1]),
        (5, 16, [2, 2, 1]),
        (10, 8, [2, 2, 1, 2, 2, 1]),
    ],
)
def test_a_cell_takes_as_many_slots_as_its_filters_need(filters, slots, lanes):
    geometry = Geometry(filters=filters)
    assert geometry.slots == slots == geometry.words * geometry.phases
    assert geometry.lane_filters == lanes and sum(lanes) == filters
    assert 0 <= geometry.slots * filters - geometry.spec.filters < 16 * filters
    channels = [
        geometry.channel(word, lane)
        for word in range(geometry.words)
        for lane in range(geometry.lanes)
    ]
    assert channels == list(range(16))


def test_accumulators_are_as_wide_as_their_largest_sum_and_no_wider():
    sums = [
        (encode_sum(), -556_928, 127 * 255 + 2**19 - 1),
        (tap_sum(9), -9 * 128 * 127 - 2**19, 671_743),
        (update_sum(80), -10_999_808, 127 * 255 * 80 + 2**23 - 1),
        (readout_sum(16), -16 * 128 * 127 - 2**19, 786_431),
    ]
    for shape, low, high in sums:
        assert shape.signed
        assert -(1 << shape.width - 1) <= low and high < 1 << shape.width - 1
        assert low < -(1 << shape.width - 2) or high >= 1 << shape.width - 2
    assert [shape.width for shape, _, _ in sums] == [21, 21, 25, 21]


@pytest.mark.parametrize(
    ("side", "size"), [(4, 128), (8, 128), (12, 256), (16, 512), (32, 2048), (64, 8192)]
)
def test_packets_of_a_lean_chip_are_as_short_as_a_plane_allows(side, size):
    spec = Spec(height=side, width=side, channels=4, image=4)
    chip = Geometry(spec=spec, filters=1, lean=True)
    assert (chip.request, chip.response) == (size, size)
    assert spec.cells + 6 <= size and (size == wire.LEAN or spec.cells + 6 > size // 2)
    usual = Geometry(spec=spec, filters=1)
    assert (usual.request, usual.response) == (wire.REQUEST, wire.response_bytes(spec.cells))
