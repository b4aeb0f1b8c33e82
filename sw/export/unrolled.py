"""A whole run as a graph: encoder, every step of the rule, every answer of the gate, read-out."""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.fixed import GATE_HIDDEN, HIDDEN, PIXEL, STATE, Format
from golden.gate import GateLayer, GateNetwork
from golden.skeleton import Layer, Skeleton
from golden.spec import Gate
from sw.export.graph import Graph

__all__ = ["unroll"]


def unroll(graph: Graph, skeleton: Skeleton, network: GateNetwork | None, steps: int) -> None:
    """Write a run of ``steps`` steps into an empty graph; without a network the rule runs alone."""
    gate = None if network is None else skeleton.spec.gate
    state = encode(graph, skeleton)
    for step in range(1, steps + 1):
        state = advance(graph, skeleton, state)
        if network is not None and gate is not None and gate.is_open(step):
            delta = answer(graph, gate, network, state)
            state = deliver(graph, gate, state, delta, step)
    graph.write_outputs(read_out(graph, skeleton, state), state)


def encode(graph: Graph, skeleton: Skeleton) -> str:
    """Return the state after step 0."""
    spec, (top, left) = skeleton.spec, skeleton.spec.margins
    pads = [0, 0, top, left, 0, 0, top, left]
    pixels = graph.add("Pad", graph.read_image(), graph.constant("margins", pads, np.int64))
    sums = convolve(graph, pixels, "encode", skeleton.encode, (spec.channels, 1, 1, 1), half=0.5)
    return graph.floor(sums, STATE)


def advance(graph: Graph, skeleton: Skeleton, state: str) -> str:
    """Return the state after one more step of the rule."""
    spec, around, pads = skeleton.spec, state, [1, 1, 1, 1]
    if spec.boundary == "wrap":
        around, pads = surround(graph, skeleton, state), [0, 0, 0, 0]
    sums = convolve(
        graph,
        around,
        "perceive",
        skeleton.perceive,
        (spec.filters, 1, 3, 3),
        half=0.5,
        group=spec.channels,
        pads=pads,
    )
    hidden = graph.floor(sums, HIDDEN)  # its lower limit is the ReLU
    shape = (spec.channels, spec.filters, 1, 1)
    sums = convolve(graph, hidden, "update", skeleton.update, shape, half=0.0)
    # Cut before adding: one sum with the state would be rounded before it is cut.
    return graph.clamp(graph.add("Add", state, graph.cut(sums)), STATE)


def surround(graph: Graph, skeleton: Skeleton, state: str) -> str:
    """Return the state with the rows and columns of the other edge around it."""
    for axis, size in ((2, skeleton.spec.height), (3, skeleton.spec.width)):
        order = np.arange(-1, size + 1) % size
        state = graph.add("Gather", state, graph.constant(f"ring {axis}", order, np.int64),
                          axis=axis)  # fmt: skip
    return state


def read_out(graph: Graph, skeleton: Skeleton, state: str) -> str:
    """Return the image that a state shows."""
    corners = [(part.start, part.stop) for part in skeleton.spec.window]
    first, last = (
        graph.constant(f"window's {name}", ends, np.int64)
        for name, ends in zip(("begin", "end"), zip(*corners, strict=True), strict=True)
    )
    window = graph.add("Slice", state, first, last, graph.constant("plane axes", [2, 3], np.int64))
    shape = (1, skeleton.spec.channels, 1, 1)
    sums = convolve(graph, window, "readout", skeleton.readout, shape, half=0.5)
    return graph.floor(sums, PIXEL)


def convolve(
    graph: Graph,
    codes: str,
    name: str,
    layer: Layer,
    shape: tuple[int, ...],
    *,
    half: float,
    **attributes: Any,
) -> str:
    """Return a layer's sums times ``2**-shift``, and ``half`` a step."""
    shift = np.broadcast_to(layer.shift, shape[:1])
    weight = graph.weights(
        f"{name}.weight", layer.weight.reshape(shape), shift.reshape(-1, 1, 1, 1)
    )
    bias = layer.bias * np.exp2(-shift.astype(np.float64)) + half
    return graph.add("Conv", codes, weight, graph.constant(f"{name}.bias", bias), **attributes)


def answer(graph: Graph, gate: Gate, network: GateNetwork, state: str) -> str:
    """Return the gate's delta to a state: (n, 1, height / 2, width / 2)."""
    channel = graph.constant("plane's channel", [gate.input_channel], np.int64)
    plane = graph.add("Flatten", graph.add("Gather", state, channel, axis=1))
    hidden = multiply(graph, plane, "gate.hidden", network.hidden, GATE_HIDDEN)
    delta = multiply(graph, hidden, "gate.output", network.output, STATE)
    spec = graph.spec
    shape = graph.constant("delta's shape", [-1, 1, spec.height // 2, spec.width // 2], np.int64)
    return graph.add("Reshape", delta, shape)


def multiply(graph: Graph, codes: str, name: str, layer: GateLayer, to: Format) -> str:
    """Return a layer of the gate."""
    scale = np.exp2(-layer.shift.astype(np.float64))
    weight = graph.weights(f"{name}.weight", layer.weight.T.astype(np.int64), layer.shift)
    sums = graph.add("MatMul", codes, weight)
    sums = graph.add("Add", sums, graph.constant(f"{name}.bias", layer.bias * scale))
    return graph.floor(graph.half_up(sums), to)


def deliver(graph: Graph, gate: Gate, state: str, delta: str, step: int) -> str:
    """Return a state with the delta of the opening after ``step`` added."""
    # Each code of a delta goes to the cells of its 2 x 2 that the mapping names, as in a transposed
    # convolution whose kernel has a one for each of them.
    kernel = np.zeros((1, graph.spec.channels, 2, 2))
    phase = gate.phase(step)
    kernel[0, gate.output_channel, *(phase or (slice(None), slice(None)))] = 1
    name = "delta's cells" + "".join(f" {parity}" for parity in phase or ())
    field = graph.add(
        "ConvTranspose", delta, graph.constant(name, kernel), kernel_shape=[2, 2], strides=[2, 2]
    )
    return graph.clamp(graph.add("Add", state, field), STATE)
