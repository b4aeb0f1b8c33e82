"""Random skeletons, gates and states for tests of every implementation.

In uniform skeletons every number is drawn from its whole range, so most states saturate. In
calibrated ones the shifts are chosen so that hidden codes and changes of state spread over their
ranges.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import GATE_BIAS, GATE_WEIGHT, STATE
from golden.gate import GateLayer, GateNetwork
from golden.skeleton import LAYERS, Layer, Skeleton, ranges, shapes
from golden.spec import Spec

__all__ = ["adversarial_states", "calibrated", "extreme", "network", "uniform"]


def draw(rng: np.random.Generator, allowed: range, shape: tuple[int, ...]) -> np.ndarray:
    """Draw integers uniformly from ``allowed``."""
    return np.asarray(rng.integers(allowed[0], allowed[-1] + 1, shape))


def uniform(spec: Spec, rng: np.random.Generator) -> Skeleton:
    """Return a skeleton with every number drawn uniformly from its whole range."""
    layers = {
        layer: Layer(**{
            part: draw(rng, ranges(layer)[part], shape)
            for part, shape in shapes(spec)[layer].items()
        })
        for layer in LAYERS
    }
    return Skeleton(spec=spec, name="uniform", **layers)


def extreme(spec: Spec, rng: np.random.Generator) -> Skeleton:
    """Return a skeleton of smallest and largest weights and biases, and every shift."""

    def ends(allowed: range, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(rng.choice([allowed[0], allowed[-1]], shape))

    layers = {}
    for layer in LAYERS:
        wanted, allowed = shapes(spec)[layer], ranges(layer)
        shifts = np.resize(rng.permutation(list(allowed["shift"])), wanted["shift"])
        layers[layer] = Layer(
            weight=ends(allowed["weight"], wanted["weight"]),
            bias=ends(allowed["bias"], wanted["bias"]),
            shift=shifts,
        )
    return Skeleton(spec=spec, name="extreme", **layers)


def calibrated(spec: Spec, rng: np.random.Generator) -> Skeleton:
    """Return a skeleton of random weights whose codes spread over their range for ten steps."""
    channels, filters = spec.channels, spec.filters
    weight = draw(rng, range(-128, 128), (filters, 3, 3))
    bias = draw(rng, range(-3000, 3001), (filters,))
    mix = draw(rng, range(-128, 128), (channels, filters))
    mix_bias = draw(rng, range(-60000, 60001), (channels,))
    skeleton = Skeleton(
        spec=spec,
        name="calibrated",
        encode=Layer(
            draw(rng, range(-128, 128), (channels,)),
            draw(rng, range(-8000, 8001), (channels,)),
            draw(rng, range(7, 9), (channels,)),
        ),
        # A sum of nine products has a spread of about 2**14; hidden codes want 2**7.
        perceive=Layer(weight, bias, draw(rng, range(7, 9), (filters,))),
        # A sum of 80 products of codes about 60 has a spread of about 2**15; changes want 2**4.
        update=Layer(mix, mix_bias, draw(rng, range(12, 16), (channels,))),
        readout=Layer(
            draw(rng, range(-128, 128), (channels,)),
            np.asarray(draw(rng, range(0, 40000), ())),
            np.asarray(7),
        ),
    )
    return skeleton


def network(spec: Spec, rng: np.random.Generator) -> GateNetwork:
    """Return a random gate whose hidden codes and deltas spread over their range."""
    hidden = 1024
    return GateNetwork(
        GateLayer(
            draw(rng, GATE_WEIGHT, (hidden, spec.cells)).astype(np.int8),
            draw(rng, range(-20000, 20001), (hidden,)).astype(np.int32),
            draw(rng, range(10, 13), (hidden,)).astype(np.uint8),
        ),
        GateLayer(
            draw(rng, GATE_WEIGHT, (spec.deltas, hidden)).astype(np.int8),
            draw(rng, GATE_BIAS.codes, (spec.deltas,)).astype(np.int32) // 16,
            draw(rng, range(9, 12), (spec.deltas,)).astype(np.uint8),
        ),
    )


def adversarial_states(spec: Spec) -> np.ndarray:
    """Return states that test the ends of the range and the corners of the lattice."""
    shape = spec.lattice
    y, x = np.indices(shape[1:])
    checker = np.where((y + x) % 2, STATE.max, STATE.min)
    states = [np.full(shape, STATE.min), np.full(shape, STATE.max)]
    states.append(np.broadcast_to(checker, shape))
    for row in (0, -1):
        for column in (0, -1):
            corner = np.zeros(shape, np.int64)
            corner[:, row, column] = STATE.max
            states.append(corner)
    return np.stack(states).astype(np.int8)
