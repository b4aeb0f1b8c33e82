"""Requests that come before the response to the one before: two are kept, and both responses."""

import pytest

from golden.frames import frame
from golden.wire import Error, Kind, Tag, chunk
from tests.test_link import RUN, with_link

FETCH = chunk(Tag.FETCH, 1)


def fetched(byte):
    """Return the payload of a response with one byte of the chip."""
    return bytes([Error.NONE, byte, 0])


async def counting(ctx, link):
    """Play a chip whose bytes count, and which takes every command."""
    ctx.set(link.chip.i_command.ready, 1)
    ctx.set(link.chip.o_data.valid, 1)
    count = 0
    async for _, _, taken in ctx.tick().sample(link.chip.o_data.ready):
        count += taken
        ctx.set(link.chip.o_data.payload, count % 256)


async def hear(host, count):
    """Return sequence number and payload of so many responses."""
    return [(await host.hear())[1:] for _ in range(count)]


def test_two_requests_are_answered_in_their_order():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        await host.send(frame(Kind.EXCHANGE, 2, FETCH) + frame(Kind.EXCHANGE, 3, FETCH))
        assert await hear(host, 2) == [(2, fetched(0)), (3, fetched(1))]

    with_link(host, counting)


@pytest.mark.parametrize("order", [(2, 3), (3, 2), (2, 2, 3), (3, 3), (2,)], ids=str)
def test_either_of_the_last_two_comes_again_and_nothing_is_done_twice(order):
    async def host(host):
        await host.ask(Kind.RESET, 1)
        want = {}
        for number in (2, 3):
            want[number] = await host.ask(Kind.EXCHANGE, number, FETCH)
        assert want == {2: fetched(0), 3: fetched(1)}
        for number in order:
            assert await host.ask(Kind.EXCHANGE, number, FETCH) == want[number]
        assert await host.ask(Kind.EXCHANGE, 4, FETCH) == fetched(2)
        assert await host.ask(Kind.EXCHANGE, 3, FETCH) == fetched(1), "it is kept still"

    with_link(host, counting)


@pytest.mark.parametrize("number", [2 + 2, 2 - 2, 2 + 128, 1], ids=str)
def test_an_exchange_whose_number_does_not_follow_is_ignored(number):
    async def host(host):
        await host.ask(Kind.RESET, 1)
        assert await host.ask(Kind.EXCHANGE, 2, FETCH) == fetched(0)
        await host.send(frame(Kind.EXCHANGE, number, FETCH))
        assert await host.hear(1500) is None
        assert await host.ask(Kind.EXCHANGE, 3, FETCH) == fetched(1)
        assert await host.ask(Kind.EXCHANGE, 2, FETCH) == fetched(0)

    with_link(host, counting)


def test_the_request_behind_a_lost_one_waits_until_that_comes():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        lost, next_one = frame(Kind.EXCHANGE, 2, FETCH), frame(Kind.EXCHANGE, 3, FETCH)
        await host.send(lost[:-3] + b"\0" + next_one)
        assert await host.hear(1500) is None
        await host.send(b"\0" + lost + next_one)
        assert await hear(host, 2) == [(2, fetched(0)), (3, fetched(1))]

    with_link(host, counting)


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.IDENTIFY])
def test_a_new_host_never_gets_the_last_hosts_responses(kind):
    async def host(host):
        await host.ask(Kind.RESET, 1)
        for number in (2, 3):
            await host.ask(Kind.EXCHANGE, number, FETCH)
        # Its number is such that its next one is the last host's.
        await host.ask(kind, 1, b"\2\2" if kind == Kind.IDENTIFY else b"")
        assert await host.ask(Kind.EXCHANGE, 2, FETCH) == fetched(2)
        assert await host.ask(Kind.EXCHANGE, 3, FETCH) == fetched(3)

    with_link(host, counting)


def test_numbers_follow_past_255():
    async def host(host):
        await host.ask(Kind.RESET, 253)
        for count, number in enumerate((254, 255, 0, 1)):
            assert await host.ask(Kind.EXCHANGE, number, FETCH) == fetched(count)
            assert await host.ask(Kind.EXCHANGE, number, FETCH) == fetched(count)

    with_link(host, counting)


def test_an_error_is_kept_too_and_the_next_request_is_done():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        wrong, right = frame(Kind.EXCHANGE, 2, RUN + chunk(9, 0)), frame(Kind.EXCHANGE, 3, FETCH)
        await host.send(wrong + right)
        want = [(2, bytes([Error.UNKNOWN_TAG, 1])), (3, fetched(0))]
        assert await hear(host, 2) == want
        await host.send(wrong + right)
        assert await hear(host, 2) == want

    with_link(host, counting)


def test_a_long_response_goes_out_whole_while_the_next_requests_are_done():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        host.ctx.set(host.link.o.ready, 0)
        many = chunk(Tag.FETCH, 300)
        for number in (2, 3):
            await host.send(frame(Kind.EXCHANGE, number, many))
        await host.ctx.tick().repeat(3000)  # both are done, none has gone out
        await host.send(frame(Kind.EXCHANGE, 4, FETCH))
        found = await hear(host, 3)
        for number, first, (sequence, payload) in zip((2, 3), (0, 300), found, strict=False):
            assert sequence == number
            assert payload == bytes([0, *((first + k) % 256 for k in range(300)), 0])
        assert found[2] == (4, fetched(600 % 256))

    with_link(host, counting)
