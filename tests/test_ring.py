"""The ring: a queue in block memory that loses nothing and keeps the order."""

import numpy as np
import pytest

from hw.port.ring import Ring
from tests.streams import collect, rest, simulate


@pytest.mark.parametrize("gaps", [(0,), (0, 5, 1, 0)], ids=["flowing", "stalling"])
def test_payloads_leave_in_order_round_and_round(gaps):
    rng = np.random.default_rng(34)
    codes = rng.integers(0, 256, 60).tolist()
    dut, got = Ring(8, 64), []

    async def write(ctx):
        for code, pause in zip(codes, rng.integers(0, 4, 60).tolist(), strict=True):
            ctx.set(dut.data, code)
            ctx.set(dut.enable, 1)
            await ctx.tick()
            ctx.set(dut.enable, 0)
            await rest(ctx, pause)

    async def read(ctx):
        got.extend(await collect(ctx, dut.o, 60, gaps))

    async def again(ctx):
        await write(ctx)
        await rest(ctx, 300)
        await write(ctx)  # the pointers pass the end of the memory

    async def read_again(ctx):
        await read(ctx)
        await read(ctx)

    simulate(dut, again, read_again)
    assert got == codes * 2


def test_it_holds_as_many_as_promised():
    dut, got = Ring(8, 16), []

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        for code in range(16):
            ctx.set(dut.data, code)
            await ctx.tick()
        ctx.set(dut.enable, 0)
        await rest(ctx, 20)
        got.extend(await collect(ctx, dut.o, 16))
        await rest(ctx, 10)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, bench)
    assert got == list(range(16))


def test_the_first_leaves_after_five_clocks_and_then_one_every_two():
    dut, left = Ring(8, 16), []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for clock in range(16):
            ctx.set(dut.data, clock)
            ctx.set(dut.enable, clock < 4)
            if ctx.get(dut.o.valid):
                left.append((clock, ctx.get(dut.o.payload)))
            await ctx.tick()

    simulate(dut, bench)
    assert left == [(5, 0), (7, 1), (9, 2), (11, 3)]


def test_a_payload_holds_until_it_is_taken():
    dut = Ring(8, 4)

    async def bench(ctx):
        for code in (7, 8):
            ctx.set(dut.data, code)
            ctx.set(dut.enable, 1)
            await ctx.tick()
        ctx.set(dut.enable, 0)
        await rest(ctx, 6)
        for _ in range(8):
            assert (ctx.get(dut.o.valid), ctx.get(dut.o.payload)) == (1, 7)
            await ctx.tick()

    simulate(dut, bench)
