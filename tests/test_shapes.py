"""Geometries: what the chip takes, and accumulators as wide as they must be."""

import pytest

from golden.errors import InputError
from golden.spec import Spec
from hw.shapes import Geometry, encode_sum, readout_sum, tap_sum, update_sum


@pytest.mark.parametrize("filters", [0, 3, 10, "5"])
def test_rejects_other_foldings(filters):
    with pytest.raises(InputError) as error:
        Geometry(filters=filters)
    assert str(error.value) == f"Filters per clock must be 1, 2 or 5, not {filters!r}"


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("height", 12, "4 or 8 or 16 or 32"),
        ("width", 64, "4 or 8 or 16 or 32"),
        ("channels", 8, "16"),
        ("multiplier", 4, "5"),
        ("boundary", "wrap", "zero"),
    ],
)
def test_rejects_what_the_chip_cannot_hold(name, value, choices):
    with pytest.raises(InputError) as error:
        Geometry(spec=Spec(**{"image": 4, name: value}))
    assert str(error.value) == f"The chip takes spec.{name} {choices}, not {value!r}"


@pytest.mark.parametrize(("filters", "slots"), [(1, 80), (2, 40), (5, 16)])
def test_every_slot_uses_every_multiplier(filters, slots):
    geometry = Geometry(filters=filters)
    assert geometry.slots == slots == geometry.words * geometry.phases
    assert geometry.slots * filters == geometry.spec.filters
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
