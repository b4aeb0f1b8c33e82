"""The search for adders that products with constants share: da4ml finds them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from golden.errors import InputError, ToolError
from golden.fixed import Format
from hw.hardwired.graph import Adder, Graph, Output

__all__ = ["search"]


def search(weight: np.ndarray, inputs: Format, *, block: int | None = None) -> Graph:
    """Return few adders that compute ``weight @ codes``; da4ml looks for them.

    Parameters
    ----------
    weight : np.ndarray
        The matrix, integers (outputs, elements).
    inputs : Format
        Format of the codes.
    block : int, optional
        Elements whose share of each output is added up before those of others are added; all unless
        given. Small blocks take some adders more, and wires that are much shorter: few of them
        leave a block.

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
    count = weight.shape[1]
    reader = Reader(count, inputs)
    block = block or count
    for first in range(0, count, block):
        columns = weight[:, first : first + block]
        reach = [(float(inputs.min), float(inputs.max), 1.0)] * columns.shape[1]
        found = solve(np.ascontiguousarray(columns.T, np.float32), qintervals=reach)
        reader.read(found.solutions, first)
    graph = reader.graph()
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
        self.blocks: list[list[Term | None]] = []

    def read(self, stages: Any, first: int) -> None:
        """Take in the stages of a block of elements, the first of which has this number."""
        terms: list[Term | None] = [Term(node, 0, False) for node in range(first, self.count)]
        for stage in stages:
            terms = self.read_stage(stage, terms)
        self.blocks.append(terms)

    def graph(self) -> Graph:
        """Return the graph of all blocks: their outputs are added in pairs, and these in pairs."""
        blocks, zeros = self.blocks, [None] * len(self.blocks[0])
        while len(blocks) > 1:
            pairs = zip_longest(blocks[::2], blocks[1::2], fillvalue=zeros)
            blocks = [[self.add(*terms) for terms in zip(*pair, strict=True)] for pair in pairs]
        outputs = [
            Output(node=term.node, shift=term.shift, negative=term.negative)
            if term is not None
            else Output(node=None)
            for term in blocks[0]
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
