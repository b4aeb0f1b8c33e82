"""Shapes of what travels through the hardwired chip."""

from amaranth import *
from amaranth.lib import data

from golden.fixed import STATE
from hw.shapes import Geometry, code

__all__ = ["RUN", "split", "state"]

RUN = data.StructLayout({"steps": 16, "resume": 1})
"""Shape of a run: its steps, and whether it goes on with the lattice as it is."""


def state(geometry: Geometry) -> data.ArrayLayout:
    """Shape of a cell's state: one code per channel, channel 0 in the low bits."""
    return data.ArrayLayout(code(STATE), geometry.spec.channels)


def split(value: Value) -> list[Value]:
    """Return the codes of a state."""
    return [value[low : low + STATE.width].as_signed() for low in range(0, len(value), STATE.width)]
