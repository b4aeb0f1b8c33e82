# amaranth: UnusedElaboratable=no
"""Chunks whose values travel in compact form, walked through by an `Exchange`."""

import numpy as np
import pytest

from golden.compact import compress, most_bytes
from golden.wire import NO_PLANE, RESPONSE, Error, Operation, Tag, chunk
from tests.streams import feed, simulate
from tests.test_compact import byte_lists, form_of
from tests.test_exchange import ZERO, Walker
from tests.test_link import GEOMETRY, RUN, command

CELLS = GEOMETRY.spec.cells
LOAD = command(Operation.LOAD_IMAGE)


def data(form, count):
    """Return the chunk of data in compact form."""
    body = count.to_bytes(2, "little") + form
    return chunk(Tag.COMPACT_DATA, len(body), body)


class Chip(Walker):
    """A walker whose chip gives bytes and planes, with pauses, and takes data with pauses."""

    def __init__(self, gives=(), planes=(), gaps=(0,), patience=200):
        super().__init__(patience)
        self.gives, self.planes, self.gaps, self.takes = gives, planes, gaps, True

    def run(self, bench):
        """Run a bench beside the chip."""

        async def benched(ctx):
            await bench(ctx, self)

        simulate(
            self.exchange,
            benched,
            background=[self.memory, self.listen, self.give, self.show],
        )

    async def give(self, ctx):
        for values in self.gives:
            await feed(ctx, self.exchange.i_data, values, self.gaps)

    async def show(self, ctx):
        for context, values in self.planes:
            payloads = [{"code": byte, "context": context, "last": 0} for byte in values]
            payloads[-1]["last"] = 1
            await feed(ctx, self.exchange.i_plane, payloads, self.gaps)

    async def listen(self, ctx):
        exchange = self.exchange
        ctx.set(exchange.o_command.ready, 1)
        clock = 0
        while True:
            clock += 1
            ready = self.takes and clock % (1 + self.gaps[clock % len(self.gaps)]) == 0
            ctx.set(exchange.o_data.ready, ready)
            _, _, byte, emits, code, data, command = await ctx.tick().sample(
                exchange.o.payload,
                exchange.o.valid,
                exchange.o_data.payload,
                exchange.o_data.valid,
                exchange.o_command.valid,
            )
            self.answer.extend([byte] * emits)
            self.given.extend([("data", code)] * (data and ready) + [("command", None)] * command)


def taken(given):
    """Return the data that the chip was given."""
    return bytes(value for name, value in given if name == "data")


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_data_are_handed_on_expanded(gaps):
    async def bench(ctx, walker):
        for values in byte_lists((1, 2, 5, 8, 38)):
            chunks = LOAD + data(compress(values), len(values)) + chunk(Tag.DATA, 1, b"x") + ZERO
            error, _, answer, given = await walker.walk(ctx, chunks)
            assert (error, answer, taken(given)) == (Error.NONE, b"\0", values + b"x")
            assert [name for name, _ in given].count("command") == 2

    Chip(gaps=gaps).run(bench)


BAD = {
    "a byte longer": (compress(bytes(64)) + b"\0", 64),
    "values fewer": (compress(bytes(range(8))), 4),
    "no values": (b"\0", 0),
    "values more": (compress(bytes(range(8))), 12),
    "bits cut off": (compress(bytes(range(8)))[:-1], 8),
    "a run beyond the end": (form_of([9]), 4),
    "a run beyond a part of a group": (form_of([9]), 3),
    "a run of the longest beyond the end": (form_of([15]), 28),
    "a group's header alone": (form_of([0, 8]), 8),
    "filled with something": (form_of([0, 0, 0, 1]), 12),
    "many values more": (form_of([15, 15]), 0xFFFF),
}
"""Forms that are not whole, and how many values they are to hold."""


@pytest.mark.parametrize("bad", BAD, ids=list(BAD))
def test_a_form_that_is_not_whole_is_refused_before_anything_is_done(bad):
    async def bench(ctx, walker):
        chunks = RUN + data(*BAD[bad]) + ZERO
        error, detail, answer, given = await walker.walk(ctx, chunks)
        assert (error, detail, answer, given) == (Error.BAD_BODY, 1, b"", [])
        values = bytes(range(7))
        error, _, _, given = await walker.walk(ctx, data(compress(values), 7))
        assert (error, taken(given)) == (Error.NONE, values)

    Chip().run(bench)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_data_without_a_form_have_a_bad_length(count):
    async def bench(ctx, walker):
        chunks = RUN + chunk(Tag.COMPACT_DATA, count, bytes(count)) + ZERO
        error, detail, _, given = await walker.walk(ctx, chunks)
        assert (error, detail, given) == (Error.BAD_LENGTH, 1, [])

    Chip().run(bench)


def test_a_form_that_is_cut_off_by_the_request_has_a_bad_length():
    async def bench(ctx, walker):
        error, detail, _, given = await walker.walk(ctx, RUN + data(compress(bytes(64)), 64)[:-1])
        assert (error, detail, given) == (Error.BAD_LENGTH, 1, [])

    Chip().run(bench)


def test_expanded_data_that_are_not_taken_stall():
    async def bench(ctx, walker):
        walker.takes = False
        error, detail, _, given = await walker.walk(ctx, RUN + data(compress(bytes(9)), 9))
        assert (error, detail, taken(given)) == (Error.STALLED, 1, b"")
        walker.takes = True
        error, _, _, given = await walker.walk(ctx, data(compress(b"abcde"), 5))
        assert (error, taken(given)) == (Error.NONE, b"abcde")

    Chip(patience=50).run(bench)


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_fetched_bytes_are_compressed_each_chunk_anew(gaps):
    lists = byte_lists((1, 3, 8, 38))
    gives = [byte for values in lists for byte in (*values, 1, 2)]

    async def bench(ctx, walker):
        for values in lists:
            chunks = chunk(Tag.COMPACT_FETCH, len(values)) + chunk(Tag.FETCH, 1)
            error, _, answer, _ = await walker.walk(ctx, chunks + chunk(Tag.COMPACT_FETCH, 1))
            assert (error, answer) == (
                Error.NONE,
                compress(values) + b"\1" + compress(b"\2") + b"\0",
            )

    Chip(gives=[gives], gaps=gaps).run(bench)


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_planes_are_compressed_each_anew(gaps):
    planes = byte_lists((CELLS,))
    shown = [(k % 2, np.frombuffer(values, np.int8).tolist()) for k, values in enumerate(planes)]

    async def bench(ctx, walker):
        for k in range(0, len(planes) - 2, 3):
            chunks = chunk(Tag.COMPACT_PLANES, 2) + chunk(Tag.PLANES, 1)
            error, _, answer, _ = await walker.walk(ctx, chunks)
            first, second, third = planes[k : k + 3]
            want = [bytes([k % 2]), compress(first), bytes([(k + 1) % 2]), compress(second)]
            want += [bytes([NO_PLANE, k % 2]), third, bytes([NO_PLANE, 0])]
            assert (error, answer) == (Error.NONE, b"".join(want))

    Chip(planes=shown, gaps=gaps).run(bench)


def test_a_fetch_that_stalls_leaves_the_compressor_as_new():
    async def bench(ctx, walker):
        error, detail, _, _ = await walker.walk(ctx, RUN + chunk(Tag.COMPACT_FETCH, 8))
        assert (error, detail) == (Error.STALLED, 1)
        walker.late = bytes([7, 7, 9, 1])
        error, _, answer, _ = await walker.walk(ctx, chunk(Tag.COMPACT_FETCH, 4))
        assert (error, answer) == (Error.NONE, compress(walker.late) + b"\0")

    class Late(Chip):
        late = b""

        async def give(self, ctx):
            await feed(ctx, self.exchange.i_data, [200, 3, 9, 1, 77], (0,))
            while not self.late:
                await ctx.tick()
            await feed(ctx, self.exchange.i_data, self.late, (0,))

    Late(patience=60).run(bench)


def test_the_longest_forms_must_have_room_in_the_response():
    fits = next(count for count in range(RESPONSE) if most_bytes(count + 1) + 4 > RESPONSE)
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, fits).tolist()

    async def bench(ctx, walker):
        for count in (fits + 1, RESPONSE, 0xFFFF):
            error, detail, _, _ = await walker.walk(ctx, RUN + chunk(Tag.COMPACT_FETCH, count))
            assert (error, detail) == (Error.BAD_LENGTH, 1)
        error, _, answer, _ = await walker.walk(ctx, chunk(Tag.COMPACT_FETCH, fits))
        assert (error, answer) == (Error.NONE, compress(bytes(values)) + b"\0")
        planes = chunk(Tag.COMPACT_PLANES, 1) * 2
        room = RESPONSE - 4 - 2 * (2 + most_bytes(CELLS))
        for count, want in ((room, (Error.STALLED, 0)), (room + 1, (Error.BAD_LENGTH, 2))):
            error, detail, _, _ = await walker.walk(ctx, chunk(Tag.FETCH, count) + planes)
            assert (error, detail) == want

    Chip(gives=[values]).run(bench)
