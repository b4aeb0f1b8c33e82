"""A context's run: it counts every step down, and knows its last one, however many there are."""

import pytest

from golden.spec import Spec
from hw.sequencer.run import Run
from hw.shapes import Geometry
from tests.streams import simulate

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), filters=5)


@pytest.mark.parametrize("before", [1, 256])
@pytest.mark.parametrize("steps", [1, 2, 255, 256, 257, 258, 512, 513])
def test_every_pass_but_the_last_has_one_after_it(steps, before):
    dut = Run(GEOMETRY)

    async def start(ctx, steps):
        more = sum(1 << byte for byte in range(3) if steps >> 8 * (byte + 1) & 255)
        for name, value in {"start": 1, "moves": 1, "more": more}.items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.command.steps, steps)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.command.steps, 0)
        await ctx.tick()
        assert not ctx.get(dut.prospect.ready), "what is known is a clock old"
        await ctx.tick()

    async def count_down(ctx, steps):
        for left in range(steps, 0, -1):
            assert ctx.get(dut.prospect) == {"ready": 1, "opening": 0, "last": left == 1}
            ctx.set(dut.begun, 1)
            await ctx.tick()
            ctx.set(dut.begun, 0)
            await ctx.tick().repeat(3)
        assert not ctx.get(dut.prospect.ready)

    async def bench(ctx):
        for count in (before, steps):
            await start(ctx, count)
            await count_down(ctx, count)

    simulate(dut, bench)
