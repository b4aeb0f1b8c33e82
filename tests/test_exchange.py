# amaranth: UnusedElaboratable=no
"""The walk through an EXCHANGE, alone: a second one begins as the first did; how long it waits."""

from types import SimpleNamespace

import pytest

from golden.frames import CHECK, HEADER
from golden.wire import NO_PLANE, PATIENCE, REQUEST, RESPONSE, Error, Operation, Tag, chunk
from hw.board import Board
from hw.link.exchange import Exchange
from hw.link.link import Link
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry
from tests.streams import simulate
from tests.test_link import GEOMETRY, RUN, command

ZERO = command(Operation.ZERO, 1)


class Walker:
    """Requests for an `Exchange`; what it answers and hands on."""

    def __init__(self, patience=200):
        self.exchange = Exchange(GEOMETRY, patience=patience)
        self.request, self.answer, self.given = b"", bytearray(), []

    def run(self, bench):
        """Run a bench beside the request's memory and what listens."""

        async def benched(ctx):
            await bench(ctx, self)

        simulate(self.exchange, benched, background=[self.memory, self.listen])

    async def memory(self, ctx):
        async for _, _, position in ctx.tick().sample(self.exchange.position):
            found = self.request[position : position + 1]
            ctx.set(self.exchange.byte, found[0] if found else 0)

    async def listen(self, ctx):
        ports = (self.exchange.o_command, self.exchange.o_data, self.exchange.o_delta)
        for port in ports:
            ctx.set(port.ready, 1)
        values = [value for port in ports for value in (port.valid, port.payload)]
        async for _, _, valid, byte, *found in ctx.tick().sample(
            self.exchange.o.valid, self.exchange.o.payload, *values
        ):
            if valid:
                self.answer.append(byte)
            for name, moved, payload in zip(
                ("command", "data", "delta"), found[::2], found[1::2], strict=True
            ):
                if moved:
                    self.given.append((name, payload))

    async def walk(self, ctx, chunks):
        """Walk through chunks; return error, its detail, answer and what was handed on."""
        self.request = bytes(HEADER) + chunks
        self.answer.clear()
        self.given.clear()
        ctx.set(self.exchange.length, len(self.request))
        ctx.set(self.exchange.start, 1)
        await ctx.tick()
        ctx.set(self.exchange.start, 0)
        self.clocks = 0
        while not ctx.get(self.exchange.done):
            await ctx.tick()
            self.clocks += 1
        error = ctx.get(self.exchange.error), ctx.get(self.exchange.detail)
        await ctx.tick()
        return *error, bytes(self.answer), list(self.given)


def test_a_walk_is_as_if_it_were_the_first():
    async def bench(ctx, walker):
        for _ in range(2):
            error, _, answer, given = await walker.walk(ctx, RUN + ZERO)
            assert (error, answer) == (Error.NONE, b"\0")
            assert [name for name, _ in given] == ["command", "command"]
            # Nothing is done, and the chunk at fault is the second.
            error, detail, answer, given = await walker.walk(ctx, RUN + chunk(9, 0))
            assert (error, detail, answer, given) == (Error.UNKNOWN_TAG, 1, b"", [])

    Walker().run(bench)


def test_the_room_of_a_response_is_counted_anew():
    async def bench(ctx, walker):
        ctx.set(walker.exchange.i_data.valid, 1)
        ctx.set(walker.exchange.i_data.payload, 0x5A)
        for count in (RESPONSE // 2, RESPONSE - 5, 3):
            error, _, answer, _ = await walker.walk(ctx, chunk(Tag.FETCH, count))
            assert (error, answer) == (Error.NONE, b"\x5a" * count + b"\0")
        for count in (RESPONSE - 4, RESPONSE, 0x8000, 0xFFFF - HEADER, 0xFFFF):
            chunks = chunk(Tag.FETCH, 1) + chunk(Tag.FETCH, count)
            error, detail, answer, _ = await walker.walk(ctx, chunks)
            assert (error, detail, answer) == (Error.BAD_LENGTH, 1, b"")

    Walker().run(bench)


@pytest.mark.parametrize("patience", [64, 100])
def test_patience_ends_also_where_it_is_a_power_of_two(patience):
    async def bench(ctx, walker):
        ctx.set(walker.exchange.running, 1)
        for chunks, want in (
            (chunk(Tag.FETCH, 1), (Error.STALLED, b"")),
            (chunk(Tag.PLANES, 1), (Error.NONE, bytes([NO_PLANE, 1]))),
        ):
            error, _, answer, _ = await walker.walk(ctx, chunks)
            assert (error, answer) == want
            assert patience <= walker.clocks < patience + 60

    Walker(patience).run(bench)


def test_data_that_are_not_taken_stall_behind_the_last_of_them():
    async def bench(ctx, walker):
        ctx.set(walker.exchange.taken, 0)
        for data in (chunk(Tag.DATA, 2, b"ab"), chunk(Tag.DELTA, 5, bytes([1, 9, 8, 7, 6]))):
            error, detail, answer, given = await walker.walk(ctx, RUN + data + ZERO)
            assert (error, detail, answer) == (Error.STALLED, 1, b"")
            names = ["command", *(["data"] * 2 if data[0] == Tag.DATA else ["delta"] * 4)]
            assert [name for name, _ in given] == names

    Walker(50).run(bench)


def test_the_longest_data_come_whole_and_in_their_order():
    exchange = Exchange(GEOMETRY, patience=200)
    data = bytes(k * k >> 3 & 255 for k in range(REQUEST - CHECK - HEADER - 3))
    request = bytes(HEADER) + chunk(Tag.DATA, len(data), data)
    taken = []

    async def memory(ctx):
        async for _, _, position in ctx.tick().sample(exchange.position):
            ctx.set(exchange.byte, request[position] if position < len(request) else 0)

    async def chip(ctx):
        ctx.set(exchange.o_data.ready, 1)
        async for _, _, valid, byte in ctx.tick().sample(
            exchange.o_data.valid, exchange.o_data.payload
        ):
            if valid:
                taken.append(byte)

    async def bench(ctx):
        ctx.set(exchange.length, len(request))
        ctx.set(exchange.start, 1)
        await ctx.tick()
        ctx.set(exchange.start, 0)
        await ctx.tick().until(exchange.done)
        assert ctx.get(exchange.error) == Error.NONE

    simulate(exchange, bench, background=[memory, chip])
    assert bytes(taken) == data


def test_patience_is_handed_down_and_covers_a_pass_of_the_slowest_chip(monkeypatch):
    slowest = Geometry(filters=1)
    assert PATIENCE > 3 * slowest.spec.cells * slowest.slots
    assert Link(GEOMETRY).patience == PATIENCE
    for options in ({}, {"patience": 7}):
        made, want = [], options.get("patience", PATIENCE)

        def note(*given, made=made, **named):
            made.append((*given, named))

        for where, name in (
            ("linked_chip", "Chip"),
            ("linked_chip", "Link"),
            ("board", "LinkedChip"),
        ):
            monkeypatch.setattr(f"hw.{where}.{name}", note)
        crossing = SimpleNamespace(chip_reset="a reset")
        monkeypatch.setattr("hw.linked_chip.Crossing", lambda geometry, it=crossing: it)
        LinkedChip(GEOMETRY, ["one"], **options)
        Board(GEOMETRY, ["two"], divisor=20, **options)
        assert made == [
            (GEOMETRY, ["one"], {"reset": "a reset"}),
            (GEOMETRY, {"patience": want}),
            (GEOMETRY, ["two"], {"patience": want}),
        ]
