# amaranth: UnusedElaboratable=no
"""Sums in carry-save form are the sums of their products and summands."""

import itertools

import numpy as np
import pytest
from amaranth import Module, Signal, signed, unsigned
from amaranth.sim import Simulator

from hw.asic.carry_save import CarrySave

CODES = {signed(4): range(-8, 8), unsigned(4): range(16), signed(6): range(-32, 32)}


def sums(shapes, width, inputs):
    """Return both rows' sum for each of some inputs: two factors, two more, a summand."""
    m = Module()
    values = [Signal(shape, name=f"value{place}") for place, shape in enumerate(shapes)]
    carry_save = CarrySave(m, width, name="it")
    carry_save.multiply_add(*values[:2])
    carry_save.multiply_add(*values[2:4])
    carry_save.add(values[4])
    result = Signal(signed(width))
    m.d.comb += result.eq(sum(carry_save.rows()))
    found = []

    async def bench(ctx):
        for given in inputs:
            for value, code in zip(values, given, strict=True):
                ctx.set(value, code)
            await ctx.delay(1e-9)
            found.append(ctx.get(result))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("width", [10, 7])
@pytest.mark.parametrize(
    "shapes",
    [
        (signed(4), signed(4), unsigned(4), signed(4), signed(6)),
        (unsigned(4), unsigned(4), signed(4), unsigned(4), signed(6)),
    ],
    ids=["signed", "unsigned"],
)
def test_rows_have_the_sum_of_all(shapes, width):
    ends = [(CODES[shape][0], CODES[shape][-1]) for shape in shapes]
    rng = np.random.default_rng(width)
    drawn = [[int(rng.choice(CODES[shape])) for shape in shapes] for _ in range(200)]
    inputs = [*itertools.product(*ends), *drawn]
    half = 1 << width - 1
    want = [((a * b + c * d + e + half) % (2 * half)) - half for a, b, c, d, e in inputs]
    assert sums(shapes, width, inputs) == want
