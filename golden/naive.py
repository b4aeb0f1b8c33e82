"""The automaton in plain Python integers, as it is defined: slow, for tests.

A state is nested lists ``state[channel][y][x]``, an image ``image[v][u]``.
"""

from __future__ import annotations

from golden.gate import GateLayer
from golden.skeleton import Skeleton

__all__ = ["add_delta", "clamp", "encode", "gate_layer", "readout", "round_shift", "step"]

State = list[list[list[int]]]


def round_shift(a: int, n: int) -> int:
    """Divide by ``2**n``, to nearest, ties upwards."""
    return (a + (1 << n >> 1)) >> n


def trunc_shift(a: int, n: int) -> int:
    """Divide by ``2**n``, towards zero."""
    return (a + (((1 << n) - 1) if a < 0 else 0)) >> n


def clamp(a: int, low: int, high: int) -> int:
    """Saturate ``a``."""
    return max(low, min(high, a))


def encode(skeleton: Skeleton, image: list[list[int]]) -> State:
    """Return the lattice of an image; cells outside the image are encoded from pixel 0."""
    spec, layer = skeleton.spec, skeleton.encode
    weight, bias, shift = (p.tolist() for p in (layer.weight, layer.bias, layer.shift))
    top, left = spec.margins

    def pixel(y: int, x: int) -> int:
        v, u = y - top, x - left
        return image[v][u] if 0 <= v < spec.image and 0 <= u < spec.image else 0

    return [
        [
            [
                clamp(round_shift(weight[c] * pixel(y, x) + bias[c], shift[c]), -128, 127)
                for x in range(spec.width)
            ]
            for y in range(spec.height)
        ]
        for c in range(spec.channels)
    ]


def step(skeleton: Skeleton, state: State) -> State:
    """Return the state after one more step, without the gate."""
    spec, perceive, update = skeleton.spec, skeleton.perceive, skeleton.update
    weight, bias, shift = (p.tolist() for p in (perceive.weight, perceive.bias, perceive.shift))
    mix, mix_bias, mix_shift = (p.tolist() for p in (update.weight, update.bias, update.shift))
    result = [[[0] * spec.width for _ in range(spec.height)] for _ in range(spec.channels)]

    def code(c: int, y: int, x: int) -> int:
        if spec.boundary == "wrap":
            return state[c][y % spec.height][x % spec.width]
        inside = 0 <= y < spec.height and 0 <= x < spec.width
        return state[c][y][x] if inside else 0

    for y in range(spec.height):
        for x in range(spec.width):
            hidden = []
            for k in range(spec.filters):
                a = bias[k]
                for i in range(3):
                    for j in range(3):
                        a += weight[k][i][j] * code(k // spec.multiplier, y + i - 1, x + j - 1)
                hidden.append(clamp(round_shift(max(a, 0), shift[k]), 0, 255))
            for c in range(spec.channels):
                b = mix_bias[c] + sum(mix[c][k] * hidden[k] for k in range(spec.filters))
                result[c][y][x] = clamp(state[c][y][x] + trunc_shift(b, mix_shift[c]), -128, 127)
    return result


def add_delta(skeleton: Skeleton, state: State, delta: list[int], at: int) -> State:
    """Return the state with the delta of the opening after step ``at`` added."""
    spec, gate = skeleton.spec, skeleton.spec.gate
    assert gate is not None
    j = (at - gate.start) // gate.every
    result = [[row[:] for row in plane] for plane in state]
    for y in range(spec.height):
        for x in range(spec.width):
            if gate.mapping == "phase4" and (y % 2 != j // 2 % 2 or x % 2 != j % 2):
                continue
            d = delta[spec.width // 2 * (y // 2) + x // 2]
            s = state[gate.output_channel][y][x]
            result[gate.output_channel][y][x] = clamp(s + d, -128, 127)
    return result


def gate_layer(layer: GateLayer, codes: list[int], low: int, high: int) -> list[int]:
    """Return one layer of the gate: products summed, shifted to nearest, clamped."""
    return [
        clamp(
            round_shift(sum(w * x for w, x in zip(row, codes, strict=True)) + bias, shift),
            low,
            high,
        )
        for row, bias, shift in zip(
            layer.weight.tolist(), layer.bias.tolist(), layer.shift.tolist(), strict=True
        )
    ]


def readout(skeleton: Skeleton, state: State) -> list[list[int]]:
    """Return the image that a state shows."""
    spec, layer = skeleton.spec, skeleton.readout
    weight, bias, shift = layer.weight.tolist(), int(layer.bias), int(layer.shift)
    rows, columns = spec.window

    def pixel(y: int, x: int) -> int:
        total = bias + sum(weight[c] * state[c][y][x] for c in range(spec.channels))
        return clamp(round_shift(total, shift), 0, 255)

    return [
        [pixel(y, x) for x in range(columns.start, columns.stop)]
        for y in range(rows.start, rows.stop)
    ]
