"""Layouts: fields to bytes and back."""

import pytest

from golden.layout import Field, Layout

LAYOUT = Layout(Field("low", 3, ""), Field("middle", 6, ""), Field("high", 15, ""))


def test_low_bits_come_first():
    assert LAYOUT.size == 3
    assert [LAYOUT.offset(field.name) for field in LAYOUT] == [0, 3, 9]
    assert LAYOUT.pack(high=0x4001, middle=0b100001, low=0b101) == bytes([0x0D, 0x03, 0x80])


def test_unpack_takes_back_what_was_packed_and_leaves_what_follows():
    values = {"low": 5, "middle": 33, "high": 0x4001}
    assert LAYOUT.unpack(LAYOUT.pack(**values) + b"more") == values


@pytest.mark.parametrize("value", [-1, 8])
def test_a_value_that_its_field_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match=f"^low must be from 0 to 7, not {value}$"):
        LAYOUT.pack(low=value, middle=0, high=0)


def test_every_field_is_given_once_and_no_other():
    with pytest.raises(KeyError, match="high"):
        LAYOUT.pack(low=0, middle=0)
    with pytest.raises(TypeError, match=r"^the layout has no higher$"):
        LAYOUT.pack(low=0, middle=0, high=0, higher=0)
    with pytest.raises(KeyError, match="higher"):
        LAYOUT["higher"]


def test_a_layout_is_whole_bytes():
    with pytest.raises(ValueError, match=r"^Fields of a layout must be whole bytes, not 7 bits$"):
        Layout(Field("only", 7, ""))
