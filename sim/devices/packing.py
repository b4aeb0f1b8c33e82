"""Payloads of the chip's streams as integers, and integers as the words that a library takes."""

from typing import Any

import numpy as np
from amaranth import Shape
from amaranth.lib import data

from golden.wire import Command, gate_fields
from hw.shapes import Geometry

__all__ = ["command_code", "pack", "unpack", "word_count", "words"]


def pack(layout: data.Layout, **values: Any) -> Any:
    """Return payloads of an Amaranth layout: integers, or arrays int64 where a field is one."""
    return sum(
        (value & (1 << layout[name].width) - 1) << layout[name].offset
        for name, value in values.items()
    )


def unpack(layout: data.Layout, name: str, payloads: Any) -> Any:
    """Return a field of payloads, integers or arrays, as unsigned codes."""
    return payloads >> layout[name].offset & (1 << layout[name].width) - 1


def command_code(geometry: Geometry, **values: Any) -> int:
    """Return a command for the chip as an integer; takes what `golden.wire.Command` does."""
    command = Command(**values)
    gate = gate_fields(command.gate, command.step, command.steps)
    code: int = geometry.command.const({**command.fields, "gate": gate}).as_value().value
    return code


def word_count(shape: Any) -> int:
    """Return the words of 32 bits that a value of this shape takes."""
    width: int = Shape.cast(shape).width
    return -(-width // 32)


def words(value: int, count: int) -> np.ndarray:
    """Return an integer as words of 32 bits, low ones first."""
    return np.array([value >> 32 * index & 0xFFFFFFFF for index in range(count)], np.uint32)
