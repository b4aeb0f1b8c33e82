"""The helpers of the benches: what hangs fails soon, and says so; hosts rest where they shall."""

from unittest.mock import MagicMock

import pytest

from hw.port.skid import Skid
from sim.benches.host import Host
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


@pytest.mark.parametrize(("stall", "drawn"), [(0, {0}), (2, {0, 1, 2})])
def test_a_host_that_stalls_rests_on_every_stream(stall, drawn):
    host = Host(MagicMock(), None, stall)
    for stream in (host.command, host.data_in, host.data_out, host.plane, host.delta):
        assert {stream.gap() for _ in range(200)} == drawn
