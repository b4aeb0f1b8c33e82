"""The processing element, and through it the multiplier: every corner of the operands."""

import itertools

import numpy as np

from golden.fixed import HIDDEN, STATE, WEIGHT
from hw.array.pe import ProcessingElement
from hw.primitives import Multiplier
from hw.shapes import code, interval
from tests.streams import late, piped


def operands(format):
    """Ends of both operands, then random ones."""
    rng = np.random.default_rng(1)
    ends = list(itertools.product((format.min, 0, 1, format.max), (-128, -1, 0, 127)))
    random = zip(
        rng.integers(format.min, format.max + 1, 50), rng.integers(-128, 128, 50), strict=True
    )
    return ends + [(int(a), int(b)) for a, b in random]


def test_products_are_exact_three_clocks_on():
    for format in (STATE, HIDDEN):
        pairs = operands(format)
        items = [{"a": a, "b": b} for a, b in pairs]
        got = piped(Multiplier(code(format), code(WEIGHT)), items, ["product"], latency=3)
        assert got == [a * b for a, b in pairs]


def test_adds_the_product_to_a_sum_that_comes_four_clocks_later():
    pairs = operands(HIDDEN)
    sums = np.random.default_rng(2).integers(-1000, 1001, len(pairs)).tolist()
    pe = ProcessingElement(
        sample=code(HIDDEN),
        weight=code(WEIGHT),
        i_sum=interval(-1000, 1000),
        o_sum=interval(-1000 - 128 * 255, 1000 + 127 * 255),
    )
    # The last sums would come after the last operands: those products are not looked at.
    items = [
        {"sample": a, "weight": b, "i_sum": total}
        for (a, b), total in zip(pairs, late(sums, 4, 0), strict=True)
    ]
    got = piped(pe, items, ["o_sum"], latency=5)
    want = [a * b + total for (a, b), total in zip(pairs, sums, strict=True)]
    assert got[:-4] == want[:-4]
