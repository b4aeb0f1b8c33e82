# amaranth: UnusedElaboratable=no
"""The crossing's two ends: each stream and each fact of the chip comes out where it belongs."""

import random

import pytest
from amaranth import ClockDomain, Module
from amaranth.lib.wiring import connect

from golden.wire import Operation
from hw.chip import Chip
from hw.link.crossing import COMMANDS, Crossing
from hw.link.link import Link
from hw.link.queue import Queue
from tests.test_crossing import FEW, GEOMETRY, cross, put, run

TOWARDS = ("i_command", "i_data", "i_delta")
BACK = ("o_data", "o_plane")
BYTES = [0x5A, 0xC3, 0x11]
PAYLOADS = {
    "i_command": [
        {
            "operation": Operation.READ_STATE,
            "context": 1,
            "skeleton": 2,
            "steps": 0x89ABCDEF,
            "gate": {
                "active": 1,
                "phased": 0,
                "opening": 2,
                "input_channel": 9,
                "output_channel": 6,
                "wait": 0x1357,
                "every": 0x2468,
            },
        }
    ],
    "i_data": BYTES,
    "i_delta": [{"code": -3, "context": 1}, {"code": 100, "context": 0}],
    "o_data": BYTES,
    "o_plane": [{"code": -128, "context": 0, "last": 0}, {"code": 77, "context": 1, "last": 1}],
}


def joined(bench):
    """Run a bench on a crossing between a link and a chip that the bench plays."""
    m = Module()
    link = Link(GEOMETRY).signature.create(path=("link",))
    chip = Chip(GEOMETRY, [], check=False).signature.create(path=("chip",))
    m.submodules.crossing = crossing = Crossing(GEOMETRY)
    connect(m, link.chip, crossing.link)
    connect(m, crossing.chip, chip)

    async def both(ctx):
        await ctx.tick("link").repeat(FEW)
        await bench(ctx, link, chip)

    run(m, 0.37, both, domains=("link", "sync"))


@pytest.mark.parametrize(
    ("way", "port"),
    [("towards", port) for port in TOWARDS] + [("back", port) for port in BACK],
)
def test_each_stream_arrives_at_its_own_end_and_at_no_other(way, port):
    async def bench(ctx, link, chip):
        source, target = (link.chip, chip) if way == "towards" else (chip, link.chip)
        domains = ("link", "sync") if way == "towards" else ("sync", "link")
        stream, arrives = getattr(source, port), getattr(target, port)
        ends = [getattr(chip, name) for name in TOWARDS]
        ends += [getattr(link.chip, name) for name in BACK]
        for payload in PAYLOADS[port]:
            await put(ctx, stream, payload, domains[0])
        for count, payload in enumerate(PAYLOADS[port]):
            await ctx.tick("link").repeat(FEW)
            assert [end == arrives for end in ends] == [ctx.get(end.valid) for end in ends]
            if way == "towards" and port != "i_command":
                assert ctx.get(link.chip.taken) == 0, f"{count} have been taken"
            assert ctx.get(link.chip.pending) == (port == "i_command")
            ctx.set(stream.payload, payload)  # so that both are seen in the same shape
            await ctx.tick("link")
            assert ctx.get(arrives.payload) == ctx.get(stream.payload)
            ctx.set(arrives.ready, 1)
            await ctx.tick(domains[1])
            ctx.set(arrives.ready, 0)
        await ctx.tick("link").repeat(FEW)
        assert not any(ctx.get(end.valid) for end in ends)
        assert (ctx.get(link.chip.taken), ctx.get(link.chip.pending)) == (1, 0)

    joined(bench)


def test_each_fact_of_the_chip_is_told_by_its_own_name():
    facts = {"running": 2, "clocks": 0x0504_0302_0100, "busy": 6, "checked": 1, "damaged": 0b1001}
    told = (*facts, "pending", "taken")

    async def bench(ctx, link, chip):
        ctx.set(chip.checked, 0)
        want = dict.fromkeys(told, 0) | {"taken": 1}
        for name, value in (*facts.items(), *dict.fromkeys(facts, 0).items()):
            ctx.set(getattr(chip, name), value)
            want[name] = value
            await ctx.tick("link").repeat(FEW)
            assert {name: ctx.get(getattr(link.chip, name)) for name in told} == want
        for address, byte in ((0, 7), (200, 0xA5), (255, 0)):
            ctx.set(link.chip.identity_address, address)
            ctx.set(chip.identity, byte)
            await ctx.tick("link")
            assert (ctx.get(chip.identity_address), ctx.get(link.chip.identity)) == (address, byte)

    joined(bench)


def test_the_links_reset_stops_all_streams_until_it_is_over():
    async def bench(ctx, link, chip):
        ctx.set(chip.damaged, 5)
        await put(ctx, link.chip.i_data, 3, "link")
        await put(ctx, chip.o_plane, PAYLOADS["o_plane"][0], "sync")
        await ctx.tick("link").repeat(FEW)
        assert (ctx.get(chip.i_data.valid), ctx.get(link.chip.o_plane.valid)) == (1, 1)
        ctx.set(link.chip.reset, 1)
        await ctx.tick("link").repeat(2 * FEW)
        assert (ctx.get(chip.i_data.valid), ctx.get(link.chip.o_plane.valid)) == (0, 0)
        assert (ctx.get(link.chip.damaged), ctx.get(link.chip.taken)) == (0, 1)
        ctx.set(link.chip.reset, 0)
        await ctx.tick("link").repeat(2 * FEW)
        assert (ctx.get(chip.i_data.valid), ctx.get(link.chip.o_plane.valid)) == (0, 0)
        assert ctx.get(link.chip.damaged) == 5

    joined(bench)


def test_the_chip_is_in_reset_from_the_beginning_and_with_the_links_domain():
    m = Module()
    m.domains.link = domain = ClockDomain()
    m.submodules.crossing = crossing = Crossing(GEOMETRY)
    seen = []

    async def bench(ctx):
        seen.append(ctx.get(crossing.chip_reset))
        for level in (0, 1, 0):
            ctx.set(domain.rst, level)
            for _ in range(FEW):
                await ctx.tick("link")
            seen.append(ctx.get(crossing.chip_reset))

    run(m, 1, bench, domains=("link", "sync"))
    assert seen == [1, 0, 1, 0]


def test_the_chip_stays_in_reset_from_the_beginning_as_long_as_the_links_domain():
    m, held = Module(), []
    m.domains.link = domain = ClockDomain()
    m.submodules.crossing = crossing = Crossing(GEOMETRY)

    async def bench(ctx):
        ctx.set(domain.rst, 1)
        for _ in range(FEW):
            await ctx.tick("sync")
            held.append(ctx.get(crossing.chip_reset))

    run(m, 2.713, bench, domains=("link", "sync"))
    assert held == [1] * FEW


def test_queues_take_nothing_of_a_chip_that_is_in_reset():
    taken = []

    async def bench(ctx, link, chip):
        ctx.set(chip.o_plane.valid, 1)
        ctx.set(link.chip.reset, 1)
        await ctx.tick("link").repeat(2 * FEW)
        ctx.set(link.chip.reset, 0)
        for _ in range(FEW):
            taken.append(ctx.get(chip.o_plane.ready))
            await ctx.tick("sync")

    joined(bench)
    # Two clocks of a synchroniser and one of a register, then ready comes from one, too.
    assert taken[:4] == [0] * 4 and taken[5] == 1


@pytest.mark.parametrize("ratio", [0.37, 1, 2.713])
def test_payloads_cross_by_the_clock_of_the_slower_side(ratio):
    crossing = Crossing(GEOMETRY)

    async def bench(ctx):
        await ctx.tick("link").repeat(FEW)
        count = 0
        ctx.set(crossing.link.i_data.valid, 1)
        ctx.set(crossing.chip.i_data.ready, 1)
        for clock in range(FEW + 200):
            _, _, ready = await ctx.tick("link").sample(crossing.link.i_data.ready)
            count += ready and clock >= FEW
        assert abs(count - 200 * min(1, ratio / 2)) <= 2

    run(crossing, ratio, bench, domains=("link", "sync"))


@pytest.mark.parametrize("ratio", [0.37, 2.713])
def test_as_many_commands_wait_as_there_is_room_for_and_each_is_pending(ratio):
    async def bench(ends):
        for count in range(COMMANDS):
            await ends.ask(Operation.ZERO, count % 2)
            await ends.rest(clocks=1)
            assert ends.told == (0, 1), "no run was asked for"
        for count in range(COMMANDS):
            await ends.rest()
            assert ends.told == (0, 1), count
            assert ends.ctx.get(ends.crossing.chip.i_command.p.context) == count % 2
            await ends.take(0)
        await ends.rest()
        assert ends.told == (0, 0)

    cross(ratio, bench)


def test_commands_are_counted_beyond_all_counts():
    rng = random.Random(8)

    async def bench(ends):
        for _ in range(40):
            some = rng.randrange(1, COMMANDS + 1)
            for _ in range(some):
                await ends.ask(Operation.ZERO, 0)
            for _ in range(some):
                assert ends.told == (0, 1)
                await ends.take(0)
            await ends.rest(clocks=20)
            assert ends.told == (0, 0)

    cross(1, bench)


@pytest.mark.parametrize("ratio", [0.37, 1, 2.713])
def test_a_queue_is_not_empty_from_the_clock_in_which_a_payload_came(ratio):
    queue = Queue(8, 8)

    async def bench(ctx):
        for _ in range(3):
            await ctx.tick("source").repeat(FEW)
            assert ctx.get(queue.empty) == 1
            await put(ctx, queue.i, 5, "source")
            for _ in range(FEW):
                assert ctx.get(queue.empty) == 0, "nothing has been taken"
                await ctx.tick("source")
            ctx.set(queue.o.ready, 1)
            await ctx.tick("target")
            ctx.set(queue.o.ready, 0)

    run(queue, ratio, bench)


def test_what_is_offered_to_a_full_queue_is_not_given():
    async def bench(ends):
        ctx, stream = ends.ctx, ends.crossing.link.i_command
        while True:
            ctx.set(stream.payload, {"operation": Operation.ZERO, "context": 0})
            ctx.set(stream.valid, 1)
            await ends.rest(clocks=3)
            if not ctx.get(stream.ready):
                break
        ctx.set(stream.payload, {"operation": Operation.RUN, "context": 1})
        await ends.rest()
        assert ends.told == (0, 1), "a run that is not taken is not asked for"
        ctx.set(stream.valid, 0)
        for _ in range(16):
            if ends.told[1]:
                await ends.take(0)
                await ends.rest(clocks=20)
        assert ends.told == (0, 0)

    cross(1, bench)
