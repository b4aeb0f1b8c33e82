"""Sums of products in carry-save form: one carry runs through all of a sum, not one an addition."""

import heapq
from itertools import count

from amaranth import *

__all__ = ["CarrySave"]

ADDER = 2
"""Delay of a full adder, from any input but the last, which takes half."""


class CarrySave:
    """Products and summands of one sum, bit by bit; `rows` are two numbers with that sum.

    Parameters
    ----------
    m : Module
        Where the adders go.
    width : int
        Bits of the sum, two's complement; what does not fit is left out.
    name : str
        What the adders' names begin with.
    """

    def __init__(self, m: Module, width: int, *, name: str):
        self.m = m
        self.width = width
        self.name = name
        self._constant = 0
        self._count = count()
        # Of each place, its bits with the time at which they are there, the earliest first.
        self._places: list[list[tuple[int, int, Value]]] = [[] for _ in range(width)]

    def add(self, value: Value) -> None:
        """Add a summand."""
        for place in range(self.width):
            self._put(place, 0, value[min(place, len(value) - 1)])

    def multiply_add(self, a: Value, b: Value) -> None:
        """Add a product.

        The product of a sign with another bit counts below zero: its inverse is added instead, and
        a constant makes up for that (Baugh and Wooley).
        """
        signs = [len(value) - 1 if value.shape().signed else None for value in (a, b)]
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                is_negative = (i == signs[0]) != (j == signs[1])
                self._put(i + j, 1, ~(x & y) if is_negative else x & y)
                if is_negative:
                    self._constant -= 1 << i + j

    def rows(self) -> list[Value]:
        """Add up until each place has two bits at most; return them as two numbers."""
        for place, bits in enumerate(self._places):
            if self._constant >> place & 1:
                self._put(place, 0, Const(1, 1))
            while len(bits) > 2:
                self._add_three(place, *(heapq.heappop(bits) for _ in range(3)))
        return [
            Cat(bits[row][2] if row < len(bits) else Const(0, 1) for bits in self._places)
            for row in range(2)
        ]

    def _put(self, place: int, time: int, bit: Value) -> None:
        if place < self.width:
            heapq.heappush(self._places[place], (time, next(self._count), bit))

    def _add_three(self, place: int, *bits: tuple[int, int, Value]) -> None:
        (_, _, x), (early, _, y), (late, _, z) = bits
        number = next(self._count)
        half, total, carry = (
            Signal(name=f"{self.name}_{kind}{number}") for kind in ("half", "sum", "carry")
        )
        self.m.d.comb += [half.eq(x ^ y), total.eq(half ^ z), carry.eq(Mux(half, z, x))]
        time = max(early + ADDER, late + ADDER // 2)
        self._put(place, time, total)
        self._put(place + 1, time, carry)
