"""Two places between two handshakes."""

import pytest

from hw.port.skid import Skid
from tests.streams import exchange, simulate


@pytest.mark.parametrize("gaps", [(0,), (0, 2, 0, 0, 1), (3, 0)], ids=["flowing", "mixed", "slow"])
def test_keeps_payloads_and_order(gaps):
    payloads = list(range(100))
    assert exchange(Skid(8), payloads, 100, gaps) == payloads


def test_takes_and_gives_one_a_clock_and_two_while_none_leaves():
    dut = Skid(8)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        taken = []
        for clock in range(12):
            ctx.set(dut.i.payload, clock)
            ctx.set(dut.o.ready, clock >= 5)
            taken.append(ctx.get(dut.i.ready))
            await ctx.tick()
        assert taken == [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
        assert ctx.get(dut.o.payload) == 11

    simulate(dut, bench)
