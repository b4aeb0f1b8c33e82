"""Products with constants as graphs of adders, which share what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from golden.fixed import Format
from hw.shapes import interval

__all__ = ["Adder", "Graph", "Output"]


@dataclass(frozen=True, kw_only=True)
class Adder:
    """The sum of two nodes, ``(left << left_shift) + (right << right_shift)``, or the difference.

    One of the shifts is 0.
    """

    left: int
    right: int
    left_shift: int
    right_shift: int
    subtract: bool

    @property
    def bypass(self) -> int:
        """Low bits that go past the adder: they are those of the operand that is not shifted."""
        return self.right_shift or (0 if self.subtract else self.left_shift)


@dataclass(frozen=True, kw_only=True)
class Output:
    """``node << shift`` or its negative; 0 where there is no node."""

    node: int | None
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True)
class Graph:
    """Adders that compute the product of a constant matrix with a vector.

    Nodes are numbered: the vector's elements first, then the adders. An adder comes after its
    operands.
    """

    count: int
    """Elements of the vector."""
    inputs: Format
    """Format of each."""
    adders: tuple[Adder, ...]
    outputs: tuple[Output, ...]

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Weight of each element in each node, int64 (nodes, count)."""
        rows = [*np.eye(self.count, dtype=np.int64)]
        for adder in self.adders:
            right = rows[adder.right] << adder.right_shift
            left = rows[adder.left] << adder.left_shift
            rows.append(left - right if adder.subtract else left + right)
        return np.array(rows).reshape(-1, self.count)

    @cached_property
    def weight(self) -> np.ndarray:
        """The matrix, int64 (outputs, count)."""
        rows = np.zeros((len(self.outputs), self.count), np.int64)
        for row, output in zip(rows, self.outputs, strict=True):
            if output.node is not None:
                row += self.coefficients[output.node] << output.shift
                row *= -1 if output.negative else 1
        return rows

    def bounds(self, node: int) -> tuple[int, int]:
        """Smallest and largest value of a node."""
        return bounds(self.coefficients[node], self.inputs)

    def output_bounds(self, output: int) -> tuple[int, int]:
        """Smallest and largest value of an output."""
        return bounds(self.weight[output], self.inputs)

    @cached_property
    def stages(self) -> list[int]:
        """Adders in a row from the vector to each node."""
        stages = [0] * self.count
        for adder in self.adders:
            stages.append(1 + max(stages[adder.left], stages[adder.right]))
        return stages

    @property
    def depth(self) -> int:
        """Adders in a row, at most."""
        return max(self.stages)

    @cached_property
    def lives(self) -> list[int]:
        """Clocks that each node's value is kept until the last adder, or output, has used it."""
        until = list(self.stages)
        for node, adder in enumerate(self.adders, self.count):
            for operand in (adder.left, adder.right):
                until[operand] = max(until[operand], self.stages[node] - 1)
        for output in self.outputs:
            if output.node is not None:
                until[output.node] = self.depth
        return [end - begin for begin, end in zip(self.stages, until, strict=True)]

    @property
    def registers(self) -> int:
        """Bits of registers: each adder has one, and one more for each clock that it is kept."""
        lives = [life + (node >= self.count) for node, life in enumerate(self.lives)]
        widths = [interval(*self.bounds(node)).width for node in range(len(lives))]
        return sum(life * width for life, width in zip(lives, widths, strict=True))

    def bits(self, number: int) -> int:
        """Bits that an adder computes; ``number`` counts the adders from 0."""
        shape = interval(*self.bounds(self.count + number))
        return shape.width - self.adders[number].bypass


def bounds(row: np.ndarray, inputs: Format) -> tuple[int, int]:
    """Smallest and largest dot product of a row with codes."""
    ends = row * inputs.min, row * inputs.max
    return int(np.minimum(*ends).sum()), int(np.maximum(*ends).sum())
