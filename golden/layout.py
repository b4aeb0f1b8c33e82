"""Layouts: the fields of a message, and their conversion to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Field", "Layout"]


class Field(NamedTuple):
    """A field of a message: an unsigned number."""

    name: str
    bits: int
    meaning: str


class Layout:
    """Fields one after another, low bits first, in little-endian bytes.

    Parameters
    ----------
    fields : Field
        In the order of transmission; their bits must add up to whole bytes.
    """

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        bits = sum(field.bits for field in fields)
        if bits % 8:
            raise ValueError(f"Fields of a layout must be whole bytes, not {bits} bits")
        self.size = bits // 8
        """Length in bytes."""

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def offset(self, name: str) -> int:
        """Return the number of bits before a field."""
        return sum(field.bits for field in self.fields[: self.fields.index(self[name])])

    def pack(self, **values: int) -> bytes:
        """Return the bytes of a message with these values; raise ValueError if one does not fit."""
        packed = offset = 0
        for field in self.fields:
            value = int(values.pop(field.name))
            if not 0 <= value < 1 << field.bits:
                most = (1 << field.bits) - 1
                raise ValueError(f"{field.name} must be from 0 to {most}, not {value}")
            packed |= value << offset
            offset += field.bits
        if values:
            raise TypeError(f"the layout has no {', '.join(values)}")
        return packed.to_bytes(self.size, "little")

    def unpack(self, data: bytes) -> dict[str, int]:
        """Return the value of each field; bytes after the message are ignored."""
        packed, values = int.from_bytes(data[: self.size], "little"), {}
        for field in self.fields:
            values[field.name] = packed & (1 << field.bits) - 1
            packed >>= field.bits
        return values
