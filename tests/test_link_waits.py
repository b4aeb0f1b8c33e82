"""How long the link waits for the chip, and for what; what a response has room for."""

import pytest

from golden import wire
from golden.frames import HEADER, frame
from golden.wire import RESPONSE, Error, Kind, Tag, chunk
from tests.test_link import FACTS, GEOMETRY, PATIENCE, RUN, with_link

CELLS = GEOMETRY.spec.cells


def test_a_chip_that_takes_its_time_over_each_byte_is_waited_for():
    took = []

    async def host(host):
        await host.ask(Kind.RESET, 1)
        data = chunk(Tag.DATA, 5, bytes(range(5)))
        assert await host.ask(Kind.EXCHANGE, 2, data + chunk(Tag.FETCH, 1)) == bytes([0, 7, 0])

    async def slow(ctx, link):
        for _ in range(5):
            await ctx.tick().until(link.chip.i_data.valid)
            await ctx.tick().repeat(PATIENCE * 2 // 3)
            took.append(ctx.get(link.chip.i_data.payload))
            ctx.set(link.chip.i_data.ready, 1)
            await ctx.tick()
            ctx.set(link.chip.i_data.ready, 0)
        await ctx.tick().repeat(PATIENCE * 2 // 3)
        ctx.set(link.chip.o_data.payload, 7)
        ctx.set(link.chip.o_data.valid, 1)
        await ctx.tick().until(link.chip.o_data.ready)
        ctx.set(link.chip.o_data.valid, 0)

    with_link(host, slow)
    assert took == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("running", "pending"), [(0, 1), (2, 0)])
def test_planes_are_waited_for_while_a_context_runs_or_a_command_waits(running, pending):
    async def host(host):
        await host.ask(Kind.RESET, 1)
        host.ctx.set(host.link.chip.running, running)
        host.ctx.set(host.link.chip.pending, pending)
        plane = bytes(range(CELLS))
        want = bytes([0, 1]) + plane + bytes([wire.NO_PLANE, running])
        assert await host.ask(Kind.EXCHANGE, 2, RUN + chunk(Tag.PLANES, 1)) == want

    with_link(host, opens_after(PATIENCE * 2 // 3))


def test_a_plane_on_its_way_is_waited_for_though_nothing_runs():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        answer = await host.ask(Kind.EXCHANGE, 2, RUN + chunk(Tag.PLANES, 1))
        assert answer == bytes([0, 1]) + bytes(range(CELLS)) + bytes([wire.NO_PLANE, 0])

    with_link(host, opens_after(20))


def opens_after(clocks):
    """Return what plays a chip: it takes a command, and gives a plane so many clocks later."""

    async def chip(ctx, link):
        ctx.set(link.chip.i_command.ready, 1)
        await ctx.tick().until(link.chip.i_command.valid)
        await ctx.tick().repeat(clocks)
        for place in range(CELLS):
            entry = {"code": place, "context": 1, "last": place == CELLS - 1}
            ctx.set(link.chip.o_plane.payload, entry)
            ctx.set(link.chip.o_plane.valid, 1)
            await ctx.tick().until(link.chip.o_plane.ready)
        ctx.set(link.chip.o_plane.valid, 0)

    return chip


@pytest.mark.parametrize("planes", [1, 2])
def test_a_response_may_be_just_as_long_as_it_may(planes):
    room = RESPONSE - (HEADER + 2) - planes * (1 + CELLS) - 1

    async def host(host):
        await host.ask(Kind.RESET, 1)
        wanted = chunk(Tag.PLANES, planes)
        answer = await host.ask(Kind.EXCHANGE, 2, chunk(Tag.FETCH, room + 1) + wanted)
        assert answer == bytes([Error.BAD_LENGTH, 1])
        # It fits, so the chip is waited for, which gives nothing.
        answer = await host.ask(Kind.EXCHANGE, 3, chunk(Tag.FETCH, room) + wanted)
        assert answer == bytes([Error.STALLED, 0])

    with_link(host)


@pytest.mark.parametrize("versions", [(0, 0), (wire.VERSION + 1, 9), (9, 0)])
def test_other_versions_are_refused(versions):
    async def host(host):
        answer = await host.ask(Kind.IDENTIFY, 1, bytes(versions))
        assert answer == bytes([Error.VERSION, wire.VERSION])
        answer = await host.ask(Kind.IDENTIFY, 2, bytes([wire.VERSION, wire.VERSION]))
        assert answer == b"\0" + FACTS.to_bytes()

    with_link(host)


@pytest.mark.parametrize("kind", [Kind.IDENTIFY, Kind.RESET])
def test_nothing_is_told_of_a_chip_that_has_not_checked_its_skeletons(kind):
    payload = bytes([wire.VERSION] * 2) if kind == Kind.IDENTIFY else b""

    async def host(host):
        host.ctx.set(host.link.chip.checked, 0)
        await host.send(frame(kind, 1, payload))
        assert await host.hear(1000) is None
        assert host.ctx.get(host.link.chip.identity_address) == 0, "nothing is read yet"
        host.ctx.set(host.link.chip.checked, 1)
        assert (await host.hear()).payload[0] == Error.NONE

    with_link(host)


def test_what_a_chip_tells_in_its_reset_is_not_believed():
    done = []

    async def host(host):
        assert await host.ask(Kind.RESET, 1) == b"\0"
        assert done == [True]

    async def chip(ctx, link):
        await ctx.tick().until(link.chip.reset)
        await ctx.tick().until(~link.chip.reset)
        await ctx.tick().repeat(40)  # it has come late, and checks its skeletons anew
        ctx.set(link.chip.checked, 0)
        await ctx.tick().repeat(150)
        done.append(True)
        ctx.set(link.chip.checked, 1)

    with_link(host, chip)
