"""What the link hands to the chip and tells of it, field by field; when it does a request anew."""

import zlib
from dataclasses import replace

import pytest

from golden import wire
from golden.frames import frame
from golden.spec import Gate
from golden.wire import RESPONSE, Command, Error, Kind, Operation, Tag, chunk
from hw.link.facts import FETCH
from hw.link.packets import PacketSender
from hw.ports import FLUSH
from hw.skeleton_memory import DIGEST
from tests.streams import simulate
from tests.test_link import FACTS, GEOMETRY, RUN, command, with_link

GATE = Gate(input_channel=5, output_channel=10, start=0x1234, every=0x0456, mapping="phase4")
NEAREST2 = replace(GATE, mapping="nearest2")
COMMANDS = {
    "an image": (Command(operation=Operation.LOAD_IMAGE, context=1), {"operation": 0}),
    "a state": (Command(operation=Operation.LOAD_STATE, context=0), {"operation": 1}),
    "its image": (Command(operation=Operation.READ_IMAGE, context=1), {"operation": 2}),
    "its state": (Command(operation=Operation.READ_STATE, context=0), {"operation": 3}),
    "zeros": (Command(operation=Operation.ZERO, context=1), {"operation": 4}),
    "a run": (
        Command(operation=Operation.RUN, context=1, skeleton=3, steps=0x89ABCDEF),
        {"operation": 5, "steps": 0x89ABCDEF},
    ),
    "a gated run": (
        Command(operation=Operation.RUN, context=0, skeleton=2, steps=0x2000, gate=GATE),
        {
            "operation": 5,
            "steps": 0x2000,
            "gate": (1, 1, 0, 5, 10, 0x1234, 0x0456),
        },
    ),
    "a gated run that goes on": (
        Command(
            operation=Operation.RUN, context=0, skeleton=1, steps=0x2000, gate=NEAREST2, step=0x1EF0
        ),
        # The openings are after 0x1234 and each 0x456 steps: the third one after 0x1EF0 + 0x46.
        {
            "operation": 5,
            "steps": 0x2000,
            "gate": (1, 0, 3, 5, 10, 0x46, 0x0456),
        },
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_field_of_a_command_is_its_own_at_the_chip(name):
    given, fields = COMMANDS[name]
    gate = fields.get("gate", (0,) * 7)
    seen = []

    async def host(host):
        await host.ask(Kind.RESET, 1)
        data = given.to_bytes()
        assert await host.ask(Kind.EXCHANGE, 2, chunk(Tag.COMMAND, len(data), data)) == b"\0\0"

    async def chip(ctx, link):
        ctx.set(link.chip.i_command.ready, 1)
        stream = link.chip.i_command
        async for _, _, valid, found in ctx.tick().sample(stream.valid, stream.payload):
            if valid:
                shape = GEOMETRY.gate.members
                seen.append((
                    int(found.operation),
                    found.context,
                    found.skeleton,
                    found.steps,
                    tuple(found.gate[field] for field in shape),
                ))

    with_link(host, chip)
    assert seen == [
        (fields["operation"], given.context, given.skeleton, fields.get("steps", 0), gate)
    ]


def test_a_status_tells_each_count_in_its_own_bits():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        values = {"running": 3, "clocks": 0x0605_0403_0201, "busy": 0x1615_1413_1211}
        for name, value in values.items():
            host.ctx.set(getattr(host.link.chip, name), value)
        for _ in range(0x102):
            await host.send(b"\2\1\0")
        payload = await host.ask(Kind.STATUS, 2)
        assert payload == (
            b"\0\3\1\2\1"
            + bytes([0b1010, 0, 0, 0])
            + bytes([1, 2, 3, 4, 5, 6])
            + bytes([0x11, 0x12, 0x13, 0x14, 0x15, 0x16])
        )

    with_link(host, damaged=0b1010)


def test_a_status_is_of_one_moment():
    async def host(host):
        ctx, link = host.ctx, host.link
        ctx.set(link.chip.clocks, 0x00FF_FFFF_FFFF)
        ctx.set(link.chip.busy, 5)
        await host.send(frame(Kind.STATUS, 2))
        while not ctx.get(link.o.valid):
            await ctx.tick()
        ctx.set(link.chip.clocks, 0x0100_0000_0000)
        ctx.set(link.chip.busy, 6)
        message = await host.hear()
        assert wire.Status.from_bytes(message.payload[1:])[4:] == (0x00FF_FFFF_FFFF, 5)

    with_link(host)


def test_a_status_that_comes_again_is_the_same_and_another_number_is_a_new_one():
    async def host(host):
        answers = []
        numbers = ((7, 3), (8, 3), (9, 4), (10, 3), (11, 4), (12, 5), (13, 4), (14, 5), (15, 3))
        for count, sequence in numbers:
            host.ctx.set(host.link.chip.clocks, count)
            payload = await host.ask(Kind.STATUS, sequence)
            answers.append(wire.Status.from_bytes(payload[1:]).clocks)
        assert answers == [7, 7, 9, 7, 9, 12, 9, 12, 15], "the last two are kept"

    with_link(host)


def test_what_comes_while_a_response_goes_out_is_answered_next_and_harms_it_not():
    async def host(host):
        ctx, link = host.ctx, host.link
        ctx.set(link.chip.clocks, 0x0605_0403_0201)
        await host.send(frame(Kind.STATUS, 1))
        while not ctx.get(link.o.valid):
            await ctx.tick()
        ctx.set(link.chip.clocks, 9)
        await host.send(frame(Kind.STATUS, 2))
        message = await host.hear()
        assert (message.sequence, message.payload[9:15]) == (1, bytes([1, 2, 3, 4, 5, 6]))
        message = await host.hear()
        assert message.sequence == 2
        status = wire.Status.from_bytes(message.payload[1:])
        assert (status.clocks, status.dropped) == (9, 0)

    with_link(host)


def test_a_number_that_another_kind_had_is_a_new_request():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        host.ctx.set(host.link.chip.o_data.valid, 1)
        fetch, answers = chunk(Tag.FETCH, 1), []
        kinds = (Kind.EXCHANGE, 2), (Kind.EXCHANGE, 2), (Kind.STATUS, 2), (Kind.EXCHANGE, 3)
        for count, (kind, number) in enumerate(kinds):
            host.ctx.set(host.link.chip.o_data.payload, count)
            payload = await host.ask(kind, number, fetch if kind == Kind.EXCHANGE else b"")
            answers.append(payload[1])
        assert answers == [0, 0, 0, 3]

    with_link(host)


def test_a_reset_that_comes_again_resets_again_for_all_clocks_of_a_reset():
    resets = []

    async def host(host):
        for _ in range(2):
            assert await host.ask(Kind.RESET, 5) == b"\0"

    async def chip(ctx, link):
        before = 0
        async for _, _, reset in ctx.tick().sample(link.chip.reset):
            if reset and not before:
                resets.append(0)
            if reset:
                resets[-1] += 1
            before = reset

    with_link(host, chip)
    assert resets == [FLUSH - 1] * 2 and FLUSH >= 128, "the chip's pipelines are empty then"


def test_a_byte_of_an_identity_has_all_clocks_of_a_fetch():
    """The chip's clock may be a third of the link's: no address changes sooner."""
    addresses, seen = [None], []

    async def host(host):
        assert await host.ask(Kind.IDENTIFY, 1, bytes([2, 2])) == b"\0" + FACTS.to_bytes()

    async def chip(ctx, link):
        held = 0
        async for _, _, address in ctx.tick().sample(link.chip.identity_address):
            held += 1
            if address != addresses[-1]:
                seen.append((addresses[-1], held))
                addresses.append(address)
                held = 0

    with_link(host, chip)
    order = [address for address, _ in seen[1:]]
    digests = [64 * place + DIGEST + k for place in range(4) for k in range(32)]
    assert order == [*range(18), *digests]
    assert min(clocks for _, clocks in seen[2:]) == FETCH + 1 == 32


@pytest.mark.parametrize("part", ["i_command", "i_data", "i_delta", "o_data", "o_plane"])
def test_whatever_stalls_is_named_and_takes_a_reset(part):
    """Each wait ends: of a command, of data, of a delta, of data to fetch, of a plane's rest."""
    chunks = {
        "i_command": RUN,
        "i_data": chunk(Tag.DATA, 2, b"ab"),
        "i_delta": chunk(Tag.DELTA, 5, bytes([1, 9, 8, 7, 6])),
        "o_data": chunk(Tag.FETCH, 2),
        "o_plane": chunk(Tag.PLANES, 1),
    }

    async def host(host):
        ctx, link = host.ctx, host.link
        await host.ask(Kind.RESET, 1)
        for stream in (link.chip.i_command, link.chip.i_data, link.chip.i_delta):
            ctx.set(stream.ready, stream != getattr(link.chip, part))
        request = command(Operation.ZERO) if part != "i_command" else chunk(Tag.DATA, 1, b"x")
        await host.send(frame(Kind.EXCHANGE, 2, request + chunks[part]))
        if part == "o_plane":  # a plane begins, and does not end
            ctx.set(link.chip.o_plane.payload, {"code": 3, "context": 1, "last": 0})
            ctx.set(link.chip.o_plane.valid, 1)
            await ctx.tick().until(link.chip.o_plane.ready)
            ctx.set(link.chip.o_plane.valid, 0)
        message = await host.hear()
        assert message.payload == bytes([Error.STALLED, 1])
        assert await host.ask(Kind.EXCHANGE, 3) == bytes([Error.NOT_READY, 0])
        status = wire.Status.from_bytes((await host.ask(Kind.STATUS, 4))[1:])
        assert not status.ready

    with_link(host)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.IDENTIFY, b""),
        (Kind.IDENTIFY, b"\1"),
        (Kind.IDENTIFY, b"\1\1\1"),
        (Kind.RESET, b"\1"),
        (Kind.STATUS, b"\1"),
        (Kind.STATUS, b"\1\1"),
    ],
)
def test_a_request_of_another_length_is_refused_and_does_nothing(kind, payload):
    async def host(host):
        assert await host.ask(kind, 1, payload) == bytes([Error.BAD_LENGTH, 0])
        assert await host.ask(Kind.EXCHANGE, 2) == bytes([Error.NOT_READY, 0])
        status = wire.Status.from_bytes((await host.ask(Kind.STATUS, 1))[1:])
        assert (status.ready, status.dropped) == (False, 0)

    with_link(host)


def test_a_wrong_request_leaves_the_chip_ready():
    async def host(host):
        await host.ask(Kind.RESET, 1)
        assert await host.ask(Kind.EXCHANGE, 2, b"\t") == bytes([Error.BAD_LENGTH, 0])
        status = wire.Status.from_bytes((await host.ask(Kind.STATUS, 3))[1:])
        assert status.ready
        assert await host.ask(Kind.EXCHANGE, 4) == b"\0\0"

    with_link(host)


def test_the_longest_response_is_sent_and_not_a_byte_more():
    sender, body = PacketSender(), bytes(k * k >> 3 & 255 for k in range(RESPONSE))
    found = []

    async def bench(ctx):
        ctx.set(sender.i.valid, 1)
        for byte in body + b"more":
            ctx.set(sender.i.payload, byte)
            await ctx.tick()
        ctx.set(sender.i.valid, 0)
        ctx.set(sender.send, 1)
        await ctx.tick()
        ctx.set(sender.send, 0)
        ctx.set(sender.o.ready, 1)
        await ctx.tick().until(sender.o.valid & sender.o.p.last)

    async def listen(ctx):
        async for _, _, valid, entry in ctx.tick().sample(sender.o.valid, sender.o.payload):
            if valid:
                found.append(entry.data)

    simulate(sender, bench, background=[listen])
    assert bytes(found[:RESPONSE]) == body
    assert (
        bytes(found[RESPONSE:]) == zlib.crc32(body).to_bytes(4, "little")[: len(found) - RESPONSE]
    )
