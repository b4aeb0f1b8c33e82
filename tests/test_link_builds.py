"""The link of other builds: one lattice or eight, one place for a skeleton, three or all 32."""

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from golden import wire
from golden.spec import Spec
from golden.wire import Command, Error, Kind, Operation, Tag, chunk
from hw.link.command import command_error, wire_command
from hw.link.crossing import Crossing
from hw.link.link import Link
from hw.shapes import Geometry
from hw.skeleton_memory import facts_of
from tests.streams import identify, simulate
from tests.test_crossing import FEW, Ends, run
from tests.test_link import Host, command

SPEC = Spec(height=4, width=8, image=4)
BUILDS = [(1, 1), (3, 3), (8, 32)]


def build(contexts, skeletons):
    return Geometry(spec=SPEC, contexts=contexts, skeletons=skeletons)


def asked(geometry, bench, *, damaged=0):
    """Run a bench of a host on the link of a build."""
    link = Link(geometry, patience=100)

    async def host(ctx):
        ctx.set(link.chip.damaged, damaged)
        await bench(Host(ctx, link))

    simulate(link, host, background=[identify(link, facts_of(geometry, ()))])


@pytest.mark.parametrize(("contexts", "skeletons"), BUILDS)
def test_a_command_is_wrong_from_the_first_number_that_is_not_there(contexts, skeletons):
    m, read, damaged = Module(), Signal(wire_command()), Signal(skeletons)
    error = command_error(m, build(contexts, skeletons), read, damaged)
    harmed = 1 << skeletons - 1 | 1
    cases = []
    for operation in (0, 5, 6, 7, 8, 13, 255):
        for context in (0, contexts - 1, contexts, 8, 128, 255):
            for skeleton in sorted({0, 1, skeletons - 2, skeletons - 1, skeletons, 64, 255} - {-1}):
                want = Error.NONE
                if skeleton < skeletons and harmed >> skeleton & 1:
                    want = Error.SKELETON_DAMAGED
                if skeleton >= skeletons:
                    want = Error.NO_SUCH_SKELETON
                if context >= contexts:
                    want = Error.NO_SUCH_CONTEXT
                if operation > 5:
                    want = Error.BAD_OPERATION
                cases.append(((operation, context, skeleton), want))

    async def bench(ctx):
        ctx.set(damaged, harmed)
        for (operation, context, skeleton), want in cases:
            fields = {"operation": operation, "context": context, "skeleton": skeleton}
            ctx.set(read, fields)
            await ctx.delay(1e-6)
            assert ctx.get(error) == want, fields

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("contexts", "skeletons"), BUILDS)
def test_a_status_has_a_bit_for_each_lattice_and_each_place(contexts, skeletons):
    running, damaged = 1 << contexts - 1, 1 << skeletons - 1

    async def bench(host):
        host.ctx.set(host.link.chip.running, running)
        payload = await host.ask(Kind.STATUS, 1)
        found = wire.Status.from_bytes(payload[1:])
        assert (found.running, found.damaged) == (running, damaged)

    asked(build(contexts, skeletons), bench, damaged=damaged)


@pytest.mark.parametrize(("contexts", "skeletons"), [(1, 1), (8, 2)])
def test_a_chip_tells_of_every_place_and_of_no_more(contexts, skeletons):
    geometry = build(contexts, skeletons)

    async def bench(host):
        payload = await host.ask(Kind.IDENTIFY, 1, bytes([2, 2]))
        assert payload == b"\0" + facts_of(geometry, ()).to_bytes()
        assert len(payload) == 1 + 18 + 32 * skeletons

    asked(geometry, bench)


@pytest.mark.parametrize(("contexts", "skeletons"), BUILDS)
def test_the_last_lattice_and_the_last_place_can_be_asked_for(contexts, skeletons):
    run = command(Operation.RUN, contexts - 1, skeletons - 1, steps=1)
    delta = chunk(Tag.DELTA, 9, bytes([contexts - 1]) + bytes(range(1, 9)))
    seen = []

    async def bench(host):
        ctx, link = host.ctx, host.link
        for port in (link.chip.i_command, link.chip.i_data, link.chip.i_delta):
            ctx.set(port.ready, 1)
        await host.ask(Kind.RESET, 1)
        answer = await host.ask(Kind.EXCHANGE, 2, run + delta + chunk(Tag.PLANES, contexts))
        assert answer == bytes([0, wire.NO_PLANE, 0])
        for number, (wrong, error) in enumerate((
            (command(Operation.ZERO, contexts), Error.NO_SUCH_CONTEXT),
            (command(Operation.ZERO, 0, skeletons), Error.NO_SUCH_SKELETON),
            (chunk(Tag.DELTA, 9, bytes([contexts]) + bytes(8)), Error.NO_SUCH_CONTEXT),
            (chunk(Tag.PLANES, contexts + 1), Error.BAD_LENGTH),
        )):
            answer = await host.ask(Kind.EXCHANGE, 3 + number, wrong)
            assert answer == bytes([error, 0])

    async def chip(ctx, link):
        ports = (link.chip.i_command, link.chip.i_delta)
        values = [value for port in ports for value in (port.valid, port.payload)]
        async for _, _, given, found, moved, code in ctx.tick().sample(*values):
            if given:
                seen.append((found.context, found.skeleton))
            if moved:
                seen.append((code.context, code.code))

    link = Link(build(contexts, skeletons), patience=100)

    async def host(ctx):
        await bench(Host(ctx, link))

    async def play(ctx):
        await chip(ctx, link)

    simulate(link, host, background=[play])
    assert seen[0] == (contexts - 1, skeletons - 1)
    assert seen[1:] == [(contexts - 1, code) for code in range(1, 9)]


@pytest.mark.parametrize("contexts", [1, 8])
def test_a_run_of_any_lattice_counts_as_running_from_when_it_is_asked_for(contexts):
    crossing = Crossing(build(contexts, 4))

    async def bench(ctx):
        await ctx.tick("link").repeat(FEW)
        ends, want = Ends(ctx, crossing), 0
        for context in range(contexts)[::-1]:
            await ends.ask(Operation.RUN, context)
            want |= 1 << context
            assert ends.told == (want, 1)
        for _ in range(contexts):
            assert ends.told == (want, 1)
            await ends.take(0)
            await ends.rest(clocks=20)
        assert ends.told == (0, 0)

    run(crossing, 1, bench, domains=("link", "sync"))


def test_a_command_is_as_long_as_it_travels():
    sent = Command(operation=Operation.ZERO, context=0).to_bytes()
    assert wire_command().size == 8 * len(sent) == 8 * 14
