"""Skeleton memories: every number of every skeleton in its row."""

import zlib
from dataclasses import fields, replace

import numpy as np
import pytest
from amaranth import Shape
from amaranth.lib import data

from golden.errors import InputError
from golden.samples import extreme, uniform
from golden.spec import Gate, Spec
from golden.wire import FACTS
from hw.array.pe import products
from hw.shapes import IDENTITY, Geometry, foldings
from hw.skeleton_memory import DIGEST, facts_of, filter_at, images, layouts, message, require_fit

SPEC = Spec(height=4, width=8, image=2)
FOLDINGS = pytest.mark.parametrize("filters", [1, 2, 3, 5, 10])


def made(count=2):
    rng = np.random.default_rng(24)
    return [kind(SPEC, rng) for kind in (uniform, extreme, uniform, uniform, uniform)[:count]]


def unpack(layout, row):
    """Return a row as plain values, the way `pack` took them."""
    if isinstance(layout, data.StructLayout):
        return {
            name: unpack(
                f.shape if isinstance(f.shape, data.Layout) else Shape.cast(f.shape),
                row >> f.offset,
            )
            for name, f in layout
        }
    if isinstance(layout, data.ArrayLayout):
        shape = Shape.cast(layout.elem_shape)
        return [unpack(shape, row >> shape.width * k) for k in range(layout.length)]
    code = row & (1 << layout.width) - 1
    return code - (layout.signed and code >> layout.width - 1) * (1 << layout.width)


def columns(geometry):
    """Lane and column of each filter that is computed in a clock."""
    return [(lane, k) for lane, count in enumerate(geometry.lane_filters) for k in range(count)]


@pytest.mark.parametrize("multiplier", range(1, 9))
@pytest.mark.parametrize("channels", [8, 16])
def test_every_filter_has_one_slot_of_one_column_whatever_the_folding(multiplier, channels):
    spec = replace(SPEC, channels=channels, multiplier=multiplier)
    for filters in foldings(multiplier):
        geometry = Geometry(spec=spec, filters=filters)
        places = [(s, *c) for s in range(geometry.slots) for c in columns(geometry)]
        assert len(columns(geometry)) == filters
        found = [filter_at(geometry, *place) for place in places]
        assert sorted(k for k in found if k is not None) == list(range(spec.filters))
        # Lanes of two have one channel's filters: those have the same taps.
        for slot in range(geometry.slots):
            for lane in range(len(geometry.lane_filters)):
                mine = [filter_at(geometry, slot, *c) for c in columns(geometry) if c[0] == lane]
                assert len({k // multiplier for k in mine if k is not None}) <= 1


def weights_of(operand, count):
    """Weights in an operand: what it makes of the sample 1."""
    return [operand] if count == 1 else list(products(1, operand))


@FOLDINGS
def test_rows_hold_every_number_of_every_skeleton(filters):
    geometry, skeletons = Geometry(spec=SPEC, filters=filters), made()
    rows, shapes = images(geometry, skeletons), layouts(geometry)
    for number, skeleton in enumerate(skeletons):
        for slot in range(geometry.slots):
            place = number << (geometry.slots - 1).bit_length() | slot
            for lane, column in columns(geometry):
                k, layer = filter_at(geometry, slot, lane, column), skeleton.perceive
                count, name = geometry.lane_filters[lane], f"perceive{lane}"
                row = unpack(shapes[name], rows[name][place])
                weights = [weights_of(operand, count)[column] for operand in row["operands"]]
                assert weights == ([0] * 9 if k is None else layer.weight[k].ravel().tolist())
                found = row["biases"][column], row["shifts"][column]
                assert found == ((0, 0) if k is None else (layer.bias[k], layer.shift[k]))
                name = f"mix{lane}_{column}"
                operands = unpack(shapes[name], rows[name][place])
                weights = [weight for operand in operands for weight in weights_of(operand, 2)]
                want = [0] * 16 if k is None else skeleton.update.weight[:, k].tolist()
                assert weights == want
        for channel in range(16):
            word, lane = divmod(channel, geometry.lanes)
            row = rows[f"residual{lane}"][number * geometry.words + word]
            row = unpack(shapes[f"residual{lane}"], row)
            layer = skeleton.update
            assert (row["bias"], row["shift"]) == (layer.bias[channel], layer.shift[channel])
            row, layer = unpack(shapes["encode"], rows["encode"][16 * number + channel]), skeleton
            assert row["weight"] == layer.encode.weight[channel]
            assert (row["bias"], row["shift"]) == (
                layer.encode.bias[channel],
                layer.encode.shift[channel],
            )
            row = unpack(shapes["readout"], rows["readout"][16 * number + channel])
            assert row["weight"] == layer.readout.weight[channel]
            assert row["bias"] == (layer.readout.bias if channel == 0 else 0)
            assert row["shift"] == (layer.readout.shift if channel == 15 else 0)


def test_places_without_a_skeleton_hold_zeros():
    for name, rows in images(Geometry(spec=SPEC), made(1)).items():
        if name != "identity":
            assert set(rows[len(rows) // 4 :]) == {0}


@FOLDINGS
def test_identities_hold_facts_digests_and_a_crc_of_all_that_the_place_holds(filters):
    geometry, skeletons = Geometry(spec=SPEC, filters=filters), made()
    rows = images(geometry, skeletons)
    facts = facts_of(geometry, skeletons)
    for place, digest in enumerate([*(s.digest for s in skeletons), "00" * 32, "00" * 32]):
        own = bytes(rows["identity"][IDENTITY * place : IDENTITY * (place + 1)])
        assert own[: FACTS.size] == facts.to_bytes()[: FACTS.size]
        assert own[DIGEST : DIGEST + 32].hex() == digest
        body = message(geometry, rows, place) + own[:-4]
        assert own[-4:] == zlib.crc32(body).to_bytes(4, "little")


@FOLDINGS
def test_every_bit_of_every_row_is_in_the_message_of_its_place(filters):
    geometry = Geometry(spec=SPEC, filters=filters)
    rows, shapes = images(geometry, made()), layouts(geometry)
    before = [message(geometry, rows, place) for place in range(2)]
    for name in geometry.scanned[:-1]:
        pitch = len(rows[name]) // geometry.skeletons
        lanes = name in geometry.lane_memories
        used = min(pitch, geometry.slots if lanes else geometry.spec.channels)
        for bit in range(Shape.cast(shapes[name]).width):
            row = bit % used
            rows[name][row] ^= 1 << bit
            assert message(geometry, rows, 0) != before[0], (name, row, bit)
            assert message(geometry, rows, 1) == before[1]
            rows[name][row] ^= 1 << bit


def test_a_chip_tells_its_own_facts():
    geometry = Geometry(spec=SPEC, filters=2, contexts=3, skeletons=8)
    facts, skeletons = facts_of(geometry, made()), made()
    found = (facts.filters, facts.contexts, facts.channels, facts.multiplier)
    assert found == (2, 3, 16, 5)
    assert (facts.height, facts.width, facts.image) == (4, 8, 2)
    assert facts.digests == (*(skeleton.digest for skeleton in skeletons), *[None] * 6)


def test_rejects_more_skeletons_than_places():
    with pytest.raises(InputError) as error:
        images(Geometry(spec=SPEC), made(5))
    assert str(error.value) == "The chip holds at most 4 skeletons, not 5"


OTHERS = {
    "height": 8,
    "width": 4,
    "channels": 8,
    "multiplier": 4,
    "boundary": "wrap",
    "image": 4,
}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("field", [field.name for field in fields(Spec)])
def test_a_skeleton_is_taken_whose_lattice_is_the_chips(field, place):
    rng = np.random.default_rng(24)
    skeletons = [uniform(SPEC, rng), uniform(SPEC, rng)]
    geometry = Geometry(spec=SPEC)
    if field in ("steps", "gate"):  # of a run, chosen when it starts
        gate = Gate(input_channel=0, output_channel=1, start=1)
        other = {"steps": 3, "gate": gate}[field]
        skeletons[place] = uniform(replace(SPEC, **{field: other}), rng)
        require_fit(geometry, skeletons)
        return
    skeletons[place] = uniform(replace(SPEC, **{field: OTHERS[field]}), rng)
    with pytest.raises(InputError) as error:
        require_fit(geometry, skeletons)
    want = getattr(SPEC, field)
    text = f"Skeleton uniform must have spec.{field} {want!r}, not {OTHERS[field]!r}"
    assert str(error.value) == text


def test_rejects_a_skeleton_of_another_lattice():
    with pytest.raises(InputError) as error:
        images(Geometry(), made(1))
    assert str(error.value) == "Skeleton uniform must have spec.height 32, not 4"
