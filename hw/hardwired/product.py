"""A product with a constant matrix: the adders of a graph, each with a register."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.hardwired.graph import Adder, Graph, Output
from hw.primitives import delay
from hw.shapes import code, interval

__all__ = ["Product"]


class Product(wiring.Component):
    """Multiply a constant matrix by a vector of codes, by adders alone.

    Bit-exact with ``graph.weight @ codes``. Every value has the width that its range needs.

    Latency is ``graph.depth`` clocks, initiation interval one. Does not accept backpressure.

    Parameters
    ----------
    graph : Graph
        The adders.

    Members
    -------
    codes : In
        The vector.
    sum0, sum1, … : Out
        An element of the product each.
    """

    def __init__(self, graph: Graph):
        self.graph = graph

        outputs = range(len(graph.outputs))
        super().__init__({
            "codes": In(code(graph.inputs)).array(graph.count),
            **{f"sum{index}": Out(interval(*graph.output_bounds(index))) for index in outputs},
        })

    @property
    def sums(self) -> list[Signal]:
        """The elements of the product."""
        return [getattr(self, f"sum{index}") for index in range(len(self.graph.outputs))]

    def elaborate(self, platform):
        m = Module()

        graph = self.graph
        chains = [[self.codes[index]] for index in range(graph.count)]

        def read(node: int, stage: int) -> Value:
            """Return a node's value as a stage finds it."""
            chain = chains[node]
            while (clocks := len(chain)) <= stage - graph.stages[node]:
                chain.append(delay(m, chain[-1], 1, name=f"node{node}_{clocks}"))
            return chain[stage - graph.stages[node]]

        for node, adder in enumerate(graph.adders, graph.count):
            result = Signal(interval(*graph.bounds(node)), name=f"node{node}", reset_less=True)
            before = graph.stages[node] - 1
            m.d.sync += result.eq(add(adder, read(adder.left, before), read(adder.right, before)))
            chains.append([result])
        for output, port in zip(graph.outputs, self.sums, strict=True):
            if output.node is not None:
                m.d.comb += port.eq(scale(output, read(output.node, graph.depth)))

        return m


def add(adder: Adder, left: Value, right: Value) -> Value:
    """Return the sum of two operands; low bits that only one of them has go past the adder."""
    bypass = adder.bypass
    if adder.right_shift:
        low, left = low_bits(left, bypass), left.shift_right(bypass)
    elif bypass:
        low, right = low_bits(right, bypass), right.shift_right(bypass)
    else:
        low, left = Const(0, 0), left.shift_left(adder.left_shift)
    high = left - right if adder.subtract else left + right
    return Cat(low, high).as_signed()


def low_bits(value: Value, count: int) -> Value:
    """Return so many low bits of a value, which may be narrower."""
    sign = value[-1] if value.shape().signed else Const(0)
    return Cat(value, sign.replicate(max(0, count - len(value))))[:count]


def scale(output: Output, value: Value) -> Value:
    """Return an output of its node's value."""
    return (-value if output.negative else value).shift_left(output.shift)
