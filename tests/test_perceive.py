"""Perception: nine taps, a bias, ReLU and normalisation, one filter a clock or two."""

import numpy as np
import pytest

from golden.fixed import HIDDEN, round_shift
from hw.array.pe import operand
from hw.array.perceive import Perceive
from tests.streams import late, piped


def filters(rng):
    """Samples, weights, biases and shifts: the largest sums of either sign, then random."""
    samples, weights, biases, shifts = [], [], [], []
    for sample, weight, bias in ((-128, -128, 2**19 - 1), (127, -128, -(2**19)), (-128, 127, 0)):
        for shift in range(16):
            samples.append(np.full(9, sample))
            weights.append(np.full(9, weight))
            biases.append(bias)
            shifts.append(shift)
    for tap in range(9):  # one tap at a time tells their order
        samples.append(np.eye(9, dtype=int)[tap] * 100)
        weights.append(np.arange(1, 10) * 10)
        biases.append(0)
        shifts.append(5)
    for _ in range(150):
        samples.append(rng.integers(-128, 128, 9))
        weights.append(rng.integers(-128, 128, 9))
        biases.append(int(rng.integers(-30000, 30000)))
        shifts.append(int(rng.integers(4, 10)))
    return np.array(samples), np.array(weights), np.array(biases), np.array(shifts)


@pytest.mark.parametrize("count", [1, 2])
def test_equals_golden_twenty_clocks_on_whatever_the_other_filter_has(count):
    rng = np.random.default_rng(3)
    samples, *one = filters(rng)
    # The second filter has the numbers of the first in another order, so extremes meet anything.
    order = rng.permutation(len(samples))
    chosen = [[part, part[order]][:count] for part in one]
    weights, biases, shifts = (np.stack(parts, axis=1) for parts in chosen)
    acc = np.einsum("kt,kft->kf", samples, weights) + biases
    want = HIDDEN.clamp(round_shift(np.maximum(acc, 0), shifts)).tolist()

    taps = [late(samples[:, tap].tolist(), 8 - tap, 0) for tap in range(9)]
    items = [
        {
            "taps": [taps[tap][k] for tap in range(9)],
            "row": {
                "operands": [operand(pair) for pair in weights[k].T.tolist()],
                "biases": biases[k].tolist(),
                "shifts": shifts[k].tolist(),
            },
        }
        for k in range(len(samples))
    ]
    got = piped(Perceive(count), items, ["hidden"], latency=20)

    assert got[:-8] == want[:-8]  # the last taps of the last eight never come
    assert len({code for codes in want for code in codes}) > 50
