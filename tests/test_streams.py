"""The helpers of the quick benches: what hangs fails soon, and says so."""

import pytest

from hw.port.skid import Skid
from tests.streams import DEADLINE, collect, exchange, simulate


def test_a_component_that_hangs_is_given_up():
    skid = Skid(8)

    async def wait(ctx):
        await collect(ctx, skid.o, 1)

    with pytest.raises(AssertionError, match=r"^Skid hangs: 100 clocks have passed$"):
        simulate(skid, wait, clocks=100)
    with pytest.raises(AssertionError, match=rf"^Skid hangs: {DEADLINE:,} clocks have passed$"):
        exchange(Skid(8), [1, 2], count=3)
    assert exchange(Skid(8), [1, 2], count=2) == [1, 2]
