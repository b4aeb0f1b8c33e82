"""What holds the ECP5's blocks against the portable ones drives all that they have."""

import random

import pytest
from amaranth.lib.wiring import In, Out

from sim.benches.blocks import Blocks, members_of
from tests.streams import simulate

INPUTS = [name for name, member in members_of().items() if member.flow == In]
OUTPUTS = [name for name, member in members_of().items() if member.flow == Out]


def outputs(still=None):
    """Return what the blocks give of random inputs; one input may be held still."""
    dut, rng, found = Blocks(), random.Random(5), []

    async def bench(ctx):
        for _ in range(100):
            for name in INPUTS:
                value = rng.getrandbits(3 if "address" in name else 36)
                if name != still:
                    port = getattr(dut, name)
                    ctx.set(port, value & (1 << len(port)) - 1)
            await ctx.tick()
            found.append([ctx.get(getattr(dut, name)) for name in OUTPUTS])

    simulate(dut, bench)
    return found


def differing(one, other):
    """Return the outputs that are not the same in both."""
    pairs = zip(zip(*one, strict=True), zip(*other, strict=True), strict=True)
    return {name for name, (a, b) in zip(OUTPUTS, pairs, strict=True) if a != b}


MEMORIES = {name for name in OUTPUTS if name.startswith("memory")}
PRODUCTS = {name for name in OUTPUTS if name.startswith("product")}
MATTERS = dict.fromkeys(INPUTS, MEMORIES) | {
    "a": PRODUCTS,
    "b": PRODUCTS,
    "read_address": set(OUTPUTS) - PRODUCTS,
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_matters_to_every_block_that_has_it(name):
    assert differing(outputs(), outputs(still=name)) == MATTERS[name]
