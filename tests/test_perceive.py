"""Perception: nine taps, a bias, ReLU and normalisation, a filter a clock."""

import numpy as np

from golden.fixed import HIDDEN, round_shift
from hw.array.perceive import Perceive
from tests.streams import late, piped


def filters():
    """Samples, weights, biases and shifts: the largest sums of either sign, then random."""
    rng = np.random.default_rng(3)
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


def test_equals_golden_eighteen_clocks_on_a_filter_a_clock():
    samples, weights, biases, shifts = filters()
    acc = (samples * weights).sum(axis=1) + biases
    want = HIDDEN.clamp(round_shift(np.maximum(acc, 0), shifts)).tolist()

    taps = [late(samples[:, tap].tolist(), 8 - tap, 0) for tap in range(9)]
    items = [
        {
            "taps": [taps[tap][k] for tap in range(9)],
            "row": {"weights": weights[k].tolist(), "bias": int(biases[k]), "shift": int(n)},
        }
        for k, n in enumerate(shifts)
    ]
    got = piped(Perceive(), items, ["hidden"], latency=18)

    assert got[:-8] == want[:-8]  # the last taps of the last eight never come
    assert len(set(want)) > 50
