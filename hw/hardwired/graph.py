"""Products with constants as graphs of adders, which share what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from golden.errors import InputError, ToolError
from golden.fixed import Format
from hw.shapes import interval

__all__ = ["Adder", "Graph", "Output", "search"]


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


def search(weight: np.ndarray, inputs: Format) -> Graph:
    """Return few adders that compute ``weight @ codes``; da4ml looks for them.

    Parameters
    ----------
    weight : np.ndarray
        The matrix, integers (outputs, elements).
    inputs : Format
        Format of the codes.

    Raises
    ------
    InputError
        da4ml is not installed.
    ToolError
        What it has found computes something else.
    """
    try:
        from da4ml.cmvm import solve
    except ModuleNotFoundError as error:
        wanted = "A hardwired skeleton needs da4ml: pip install 'thalweg[hardwired]'"
        raise InputError(f"{wanted} ({error})") from None
    reach = [(float(inputs.min), float(inputs.max), 1.0)] * weight.shape[1]
    found = solve(np.ascontiguousarray(weight.T, np.float32), qintervals=reach)
    graph = Reader(weight.shape[1], inputs).read(found.solutions)
    if not np.array_equal(graph.weight, weight):
        raise ToolError("da4ml must find adders for the matrix that it is given")
    return graph


@dataclass(frozen=True)
class Term:
    """A value on the way: ``node << shift`` or its negative; the shift may be below 0."""

    node: int
    shift: int
    negative: bool


class Reader:
    """Read the stages that da4ml has found, the outputs of each being the inputs of the next.

    Its values may be fractions, of a power of two: a term says what an integer of ours stands for.
    """

    INPUT, ADD, SUBTRACT = -1, 0, 1  # its operations

    def __init__(self, count: int, inputs: Format) -> None:
        self.count = count
        self.inputs = inputs
        self.adders: list[Adder] = []

    def read(self, stages: Any) -> Graph:
        """Return the graph of all stages."""
        terms: list[Term | None] = [Term(node, 0, False) for node in range(self.count)]
        for stage in stages:
            terms = self.read_stage(stage, terms)
        outputs = [
            Output(node=term.node, shift=term.shift, negative=term.negative)
            if term is not None
            else Output(node=None)
            for term in terms
        ]
        return Graph(self.count, self.inputs, tuple(self.adders), tuple(outputs))

    def read_stage(self, stage: Any, inputs: list[Term | None]) -> list[Term | None]:
        """Return what a stage gives of what it takes."""
        found: list[Term | None] = []
        for operation in stage.ops:
            if operation.opcode == self.INPUT:
                shift = stage.inp_shifts[operation.id0]
                found.append(change(inputs[operation.id0], shift))
            elif operation.opcode in (self.ADD, self.SUBTRACT):
                right = change(
                    found[operation.id1], operation.data, operation.opcode == self.SUBTRACT
                )
                found.append(self.add(found[operation.id0], right))
            else:
                raise ToolError(f"da4ml must find sums alone, not operation {operation.opcode}")
        places = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
        return [
            change(found[place], shift, negative) if place >= 0 else None
            for place, shift, negative in places
        ]

    def add(self, left: Term | None, right: Term | None) -> Term | None:
        """Return the sum of two terms, for which an adder is added unless one of them is 0."""
        if left is None or right is None:
            return left or right
        if left.negative and not right.negative:  # the difference the other way round
            left, right = right, left
        shift = min(left.shift, right.shift)
        self.adders.append(
            Adder(
                left=left.node,
                right=right.node,
                left_shift=left.shift - shift,
                right_shift=right.shift - shift,
                subtract=left.negative != right.negative,
            )
        )
        return Term(self.count + len(self.adders) - 1, shift, left.negative)


def change(term: Term | None, shift: int, negate: bool = False) -> Term | None:
    """Return a term shifted, and negated where that is wanted."""
    if term is None:
        return None
    return Term(term.node, term.shift + int(shift), term.negative != bool(negate))
