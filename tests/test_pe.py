"""The processing element, and through it the multiplier: every corner of the operands."""

import itertools

import numpy as np
import pytest

from golden.fixed import HIDDEN, STATE, WEIGHT
from hw.array.pe import ProcessingElement, operand, products
from hw.primitives import Multiplier
from hw.shapes import code, interval, operand_shape
from tests.streams import late, piped

WEIGHTS = np.arange(WEIGHT.min, WEIGHT.max + 1)
EDGES = (-128, -127, -1, 0, 1, 127)
FORMATS = pytest.mark.parametrize("format", [STATE, HIDDEN], ids=["signed", "unsigned"])


def samples_and_weights(format, count):
    """Ends of a sample and of ``count`` weights in all combinations, then random ones."""
    rng = np.random.default_rng(1)
    samples = (format.min, format.min + 1, 1, 63, 64, 127, format.max)
    ends = [(a, w) for a in samples for w in itertools.product(EDGES, repeat=count)]
    random = zip(
        rng.integers(format.min, format.max + 1, 200).tolist(),
        map(tuple, rng.integers(-128, 128, (200, count)).tolist()),
        strict=True,
    )
    return [*ends, *random]


@FORMATS
def test_products_are_exact_three_clocks_on(format):
    pairs = samples_and_weights(format, 1)
    items = [{"a": a, "b": b} for a, (b,) in pairs]
    got = piped(Multiplier(code(format), code(WEIGHT)), items, ["product"], latency=3)
    assert got == [a * b for a, (b,) in pairs]


@FORMATS
def test_both_products_are_exact_for_every_sample_and_every_pair_of_weights(format):
    first, second = np.meshgrid(WEIGHTS, WEIGHTS)
    packed = operand((first, second))
    low, high = -(1 << operand_shape(2).width - 1), (1 << operand_shape(2).width - 1) - 1
    assert low <= packed.min() and packed.max() <= high
    for sample in range(format.min, format.max + 1):
        found = products(sample, packed)
        assert (found[0] == sample * first).all() and (found[1] == sample * second).all()


@FORMATS
@pytest.mark.parametrize("count", [1, 2])
def test_adds_each_product_to_a_sum_that_comes_six_clocks_later(format, count):
    pairs = samples_and_weights(format, count)
    sums = np.random.default_rng(2).integers(-1000, 1001, (len(pairs), count)).tolist()
    pe = ProcessingElement(
        count,
        sample=code(format),
        i_sum=interval(-1000, 1000),
        o_sum=interval(-1000 - 128 * 255, 1000 + 128 * 255),
    )
    # The last sums would come after the last operands: those products are not looked at.
    items = [
        {"sample": a, "operand": operand(weights), "i_sums": total}
        for (a, weights), total in zip(pairs, late(sums, 6, [0] * count), strict=True)
    ]
    got = piped(pe, items, ["o_sums"], latency=7)
    want = [
        [a * weight + total for weight, total in zip(weights, totals, strict=True)]
        for (a, weights), totals in zip(pairs, sums, strict=True)
    ]
    assert got[:-6] == want[:-6]
