"""The link behind a byte stream, a chip's streams played by the test."""

import pytest

from golden import frames, wire
from golden.spec import Spec
from golden.wire import Command, Error, Kind, Operation, Tag, chunk
from hw.link.link import Link
from hw.shapes import Geometry
from hw.skeleton_memory import facts_of
from tests.streams import identify, simulate

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), contexts=2)
FACTS = facts_of(GEOMETRY, ())
PATIENCE = 200


class Host:
    """Speak to a link byte by byte."""

    def __init__(self, ctx, link):
        self.ctx, self.link = ctx, link

    async def send(self, data):
        """Send bytes."""
        for byte in data:
            self.ctx.set(self.link.i.payload, {"data": byte, "noise": 0})
            self.ctx.set(self.link.i.valid, 1)
            await self.ctx.tick()
        self.ctx.set(self.link.i.valid, 0)

    async def hear(self, clocks=6000):
        """Wait for a frame; None if none comes."""
        ctx, coded = self.ctx, bytearray()
        ctx.set(self.link.o.ready, 1)
        for _ in range(clocks):
            _, _, valid, byte = await ctx.tick().sample(self.link.o.valid, self.link.o.payload)
            if valid and byte == 0:
                return frames.parse(bytes(coded))
            if valid:
                coded.append(byte)
        return None

    async def ask(self, kind, sequence, payload=b""):
        """Send a request and return the response's payload."""
        await self.send(frames.frame(kind, sequence, payload))
        message = await self.hear()
        assert message is not None, "no answer"
        assert (message.kind, message.sequence) == (kind | wire.REPLY, sequence)
        return message.payload


def with_link(*steps, damaged=0):
    """Run a function of a host, and functions that play the chip, on a new link."""
    link = Link(GEOMETRY, patience=PATIENCE)

    async def bench(ctx):
        ctx.set(link.chip.damaged, damaged)
        await steps[0](Host(ctx, link))

    def played(step):
        async def background(ctx):
            await step(ctx, link)

        return background

    simulate(link, bench, background=[identify(link, FACTS), *map(played, steps[1:])])


def command(operation, context=0, skeleton=0, **values):
    """Return the chunk of a command."""
    body = Command(operation=operation, context=context, skeleton=skeleton, **values).to_bytes()
    return chunk(Tag.COMMAND, len(body), body)


RUN = command(Operation.RUN, 1, steps=3)
DELTA = chunk(Tag.DELTA, 5, bytes([1, 9, 8, 7, 6]))


def test_identify_tells_facts_and_version():
    async def host(host):
        payload = await host.ask(Kind.IDENTIFY, 7, bytes([1, 3]))
        assert payload == b"\0" + FACTS.to_bytes()
        assert await host.ask(Kind.IDENTIFY, 7, bytes([3, 4])) == bytes([Error.VERSION, 2])
        assert await host.ask(Kind.IDENTIFY, 7, b"\1") == bytes([Error.BAD_LENGTH, 0])

    with_link(host)


def test_only_a_reset_makes_ready():
    async def host(host):
        refused = bytes([Error.NOT_READY, 0])
        assert await host.ask(Kind.EXCHANGE, 1) == refused
        assert await host.ask(Kind.RESET, 2, b"x") == bytes([Error.BAD_LENGTH, 0])
        assert await host.ask(Kind.EXCHANGE, 3) == refused
        assert await host.ask(Kind.RESET, 4) == b"\0"
        assert await host.ask(Kind.EXCHANGE, 5) == b"\0\0"
        assert await host.ask(9, 6) == bytes([Error.UNKNOWN_KIND, 9])

    with_link(host)


def test_status_counts():
    async def host(host):
        host.ctx.set(host.link.chip.running, 2)
        host.ctx.set(host.link.chip.clocks, (1 << 40) + 5)
        host.ctx.set(host.link.chip.busy, 4)
        await host.send(b"\2\1\0")
        payload = await host.ask(Kind.STATUS, 1)
        assert payload[:1] == b"\0"
        assert wire.Status.from_bytes(payload[1:]) == (2, False, 1, 1, (1 << 40) + 5, 4)

    with_link(host, damaged=1)


WRONG = {
    "tag cut off": (b"\1", Error.BAD_LENGTH),
    "count cut off": (b"\1\2", Error.BAD_LENGTH),
    "body cut off": (RUN[:-1], Error.BAD_LENGTH),
    "short command": (chunk(Tag.COMMAND, 13, bytes(13)), Error.BAD_LENGTH),
    "no data": (chunk(Tag.DATA, 0), Error.BAD_LENGTH),
    "data cut off": (chunk(Tag.DATA, 0xFFFF, b"\1"), Error.BAD_LENGTH),
    "short delta": (chunk(Tag.DELTA, 4, bytes(4)), Error.BAD_LENGTH),
    "delta cut off": (DELTA[:-1], Error.BAD_LENGTH),
    "nothing to fetch": (chunk(Tag.FETCH, 0), Error.BAD_LENGTH),
    "too much to fetch": (chunk(Tag.FETCH, 4093), Error.BAD_LENGTH),
    "no planes": (chunk(Tag.PLANES, 0), Error.BAD_LENGTH),
    "too many planes": (chunk(Tag.PLANES, 3), Error.BAD_LENGTH),
    "unknown tag": (chunk(9, 0), Error.UNKNOWN_TAG),
    "unknown operation": (chunk(Tag.COMMAND, 14, b"\6" + bytes(13)), Error.BAD_OPERATION),
    "no such context": (command(Operation.RUN, 2), Error.NO_SUCH_CONTEXT),
    "no such context of a delta": (chunk(Tag.DELTA, 5, b"\2" + bytes(4)), Error.NO_SUCH_CONTEXT),
    "no such skeleton": (command(Operation.RUN, 0, 4), Error.NO_SUCH_SKELETON),
    "damaged skeleton": (command(Operation.RUN, 0, 2), Error.SKELETON_DAMAGED),
}


@pytest.mark.parametrize("case", WRONG)
def test_request_with_an_error_does_nothing(case):
    wrong, error = WRONG[case]
    took = []

    async def host(host):
        await host.ask(Kind.RESET, 1)
        first = RUN + DELTA
        payload = await host.ask(Kind.EXCHANGE, 2, first + wrong)
        assert payload == bytes([error, 2])
        assert await host.ask(Kind.EXCHANGE, 3) == b"\0\0"

    async def watch(ctx, link):
        ports = (link.chip.i_command, link.chip.i_data, link.chip.i_delta)
        for port in ports:
            ctx.set(port.ready, 1)
        while True:
            await ctx.tick()
            took.extend(port for port in ports if ctx.get(port.valid))

    with_link(host, watch, damaged=4)
    assert took == []


@pytest.mark.parametrize("place", [15, 16, 100, 255])
def test_the_chunk_at_fault_is_named_wherever_it_is(place):
    async def host(host):
        await host.ask(Kind.RESET, 1)
        request = chunk(Tag.FETCH, 1) * place + chunk(9, 0)
        assert await host.ask(Kind.EXCHANGE, 2, request) == bytes([Error.UNKNOWN_TAG, place])

    with_link(host)


def test_exchange_hands_on_and_brings_back():
    seen = []

    async def host(host):
        await host.ask(Kind.RESET, 1)
        request = RUN + chunk(Tag.DATA, 3, b"\0\1\2") + DELTA + chunk(Tag.FETCH, 2)
        request += chunk(Tag.PLANES, 2)
        answers = [await host.ask(Kind.EXCHANGE, 2, request) for _ in range(2)]
        plane = bytes(range(240, 256))
        assert answers == [b"\0" + b"\xaa\xab" + b"\1" + plane + b"\0" + plane + b"\xff\2"] * 2

    async def listen(ctx, link):
        await ctx.tick().repeat(40)
        for port in (link.chip.i_command, link.chip.i_data, link.chip.i_delta):
            ctx.set(port.ready, 1)
        while True:
            await ctx.tick()
            if ctx.get(link.chip.i_command.valid):
                seen.append((
                    ctx.get(link.chip.i_command.p.context),
                    ctx.get(link.chip.i_command.p.steps),
                ))
            if ctx.get(link.chip.i_data.valid):
                seen.append(ctx.get(link.chip.i_data.payload))
            if ctx.get(link.chip.i_delta.valid):
                seen.append((
                    ctx.get(link.chip.i_delta.p.context),
                    ctx.get(link.chip.i_delta.p.code),
                ))

    async def speak(ctx, link):
        ctx.set(link.chip.running, 2)
        for byte in (0xAA, 0xAB):
            ctx.set(link.chip.o_data.payload, byte)
            ctx.set(link.chip.o_data.valid, 1)
            await ctx.tick().until(link.chip.o_data.ready)
        ctx.set(link.chip.o_data.valid, 0)
        for context in (1, 0):
            await ctx.tick().repeat(PATIENCE // 2)
            for place in range(16):
                entry = {"code": place - 16, "context": context, "last": place == 15}
                ctx.set(link.chip.o_plane.payload, entry)
                ctx.set(link.chip.o_plane.valid, 1)
                await ctx.tick().until(link.chip.o_plane.ready)
            ctx.set(link.chip.o_plane.valid, 0)

    with_link(host, listen, speak)
    # Each once, though the request came twice.
    assert seen[:4] == [(1, 3), 0, 1, 2]
    assert seen[4:] == [(1, 9), (1, 8), (1, 7), (1, 6)]


def test_planes_wait_for_what_runs_and_no_longer():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        for sequence, running, fewest, most in ((2, 0, 0, 100), (3, 1, PATIENCE, PATIENCE + 100)):
            host.ctx.set(host.link.chip.running, running)
            await host.send(frames.frame(Kind.EXCHANGE, sequence, chunk(Tag.PLANES, 1)))
            clocks = 0
            while not host.ctx.get(host.link.o.valid):
                await host.ctx.tick()
                clocks += 1
            assert fewest < clocks < most
            message = await host.hear()
            assert message.payload == bytes([0, wire.NO_PLANE, running])

    with_link(host)


def test_what_the_chip_does_not_take_stalls_until_a_reset():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        host.ctx.set(host.link.chip.i_command.ready, 1)
        stuck = bytes([Error.STALLED, 1])
        request = RUN + chunk(Tag.DATA, 1, b"\1")
        assert await host.ask(Kind.EXCHANGE, 2, request) == stuck
        assert await host.ask(Kind.EXCHANGE, 2, request) == stuck
        assert await host.ask(Kind.EXCHANGE, 3) == bytes([Error.NOT_READY, 0])
        assert await host.ask(Kind.RESET, 4) == b"\0"
        assert await host.ask(Kind.EXCHANGE, 5, chunk(Tag.FETCH, 1)) == bytes([Error.STALLED, 0])
        await host.ask(Kind.RESET, 6)
        host.ctx.set(host.link.chip.i_command.ready, 0)
        assert await host.ask(Kind.EXCHANGE, 7, RUN) == bytes([Error.STALLED, 0])

    with_link(host)


def test_a_chip_that_takes_its_time_is_waited_for():
    late, seen = PATIENCE - 20, []

    async def host(host):
        await host.ask(Kind.RESET, 1)
        request = RUN + chunk(Tag.DATA, 1, b"\5") + chunk(Tag.FETCH, 1)
        assert await host.ask(Kind.EXCHANGE, 2, request) == b"\0\xaa\0"

    async def chip(ctx, link):
        for stream in (link.chip.i_command, link.chip.i_data):
            await ctx.tick().until(stream.valid)
            await ctx.tick().repeat(late)
            ctx.set(stream.ready, 1)
            await ctx.tick()
            ctx.set(stream.ready, 0)
            ctx.set(link.chip.taken, 0)
            seen.append(stream)
        await ctx.tick().repeat(late)
        ctx.set(link.chip.taken, 1)
        await ctx.tick().until(link.chip.o_data.ready)
        await ctx.tick().repeat(late)
        ctx.set(link.chip.o_data.payload, 0xAA)
        ctx.set(link.chip.o_data.valid, 1)
        await ctx.tick().until(link.chip.o_data.ready)
        ctx.set(link.chip.o_data.valid, 0)

    with_link(host, chip)
    assert len(seen) == 2


def test_what_stays_behind_stalls_too():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        host.ctx.set(host.link.chip.i_delta.ready, 1)
        host.ctx.set(host.link.chip.taken, 0)
        assert await host.ask(Kind.EXCHANGE, 2, DELTA) == bytes([Error.STALLED, 0])

    with_link(host)
