"""The crossing and its queues, between clocks of several ratios."""

import random

import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from golden.spec import Spec
from golden.wire import Operation
from hw.link.crossing import COMMANDS, Crossing
from hw.link.queue import Queue, Snapshot
from hw.shapes import Geometry
from tests.streams import finish

RATIOS = [1, 0.37, 2.713]
GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), contexts=2)
FEW = 40
"""Clocks in which anything has crossed."""
EDGES = 80_000
"""Edges of both clocks in which the longest bench has ended."""


def run(dut, ratio, *benches, background=(), domains=("source", "target")):
    """Run benches; the second domain has `ratio` clocks to one of the first."""
    sim = Simulator(dut)
    for domain, period in zip(domains, (1e-6, 1e-6 / ratio), strict=True):
        sim.add_clock(period, phase=period / 3, domain=domain)
    for bench in benches:
        sim.add_testbench(bench)
    for bench in background:
        sim.add_testbench(bench, background=True)
    finish(sim, EDGES, f"{type(dut).__name__} hangs between clocks of ratio {ratio}")


async def put(ctx, stream, payload, domain):
    """Offer a payload until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    ready = False
    while not ready:
        _, _, ready = await ctx.tick(domain).sample(stream.ready)
    ctx.set(stream.valid, 0)


def sender(stream, payloads, domain, rng, chance):
    """Return a bench that puts payloads, resting now and then."""

    async def bench(ctx):
        for payload in payloads:
            while rng.random() < chance:
                await ctx.tick(domain)
            await put(ctx, stream, payload, domain)

    return bench


def receiver(stream, got, count, domain, rng, chance):
    """Return a bench that gets so many payloads, resting now and then."""

    async def bench(ctx):
        while len(got) < count:
            ready = rng.random() >= chance
            ctx.set(stream.ready, ready)
            _, _, valid, payload = await ctx.tick(domain).sample(stream.valid, stream.payload)
            if ready and valid:
                got.append(payload)
        ctx.set(stream.ready, 0)

    return bench


@pytest.mark.parametrize("chances", [(0, 0), (0.7, 0), (0, 0.7), (0.4, 0.5)])
@pytest.mark.parametrize("ratio", RATIOS)
def test_a_queue_keeps_payloads_and_order(ratio, chances):
    queue, got = Queue(8, 8), []
    rng = random.Random(1)
    payloads = [rng.randrange(256) for _ in range(300)]

    async def knows_when_it_is_empty(ctx):
        while len(got) < len(payloads):
            await ctx.tick("source")
        assert ctx.get(queue.empty) == 0, "told in the very clock"
        await ctx.tick("source").repeat(8)
        assert ctx.get(queue.empty) == 1

    run(
        queue,
        ratio,
        sender(queue.i, payloads, "source", random.Random(2), chances[0]),
        receiver(queue.o, got, len(payloads), "target", random.Random(3), chances[1]),
        knows_when_it_is_empty,
    )
    assert got == payloads


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_queue_fills_its_rows_and_no_more_and_then_flows_by_the_clock_of_the_slower_side(ratio):
    queue = Queue(8, 16)
    taken = []

    async def fill_then_flow(ctx):
        ctx.set(queue.i.valid, 1)
        for _ in range(2 * FEW):
            _, _, ready = await ctx.tick("source").sample(queue.i.ready)
            taken.append(ready)
        assert sum(taken) in (14, 15, 16)
        ctx.set(queue.o.ready, 1)
        await ctx.tick("source").repeat(FEW)
        taken.clear()
        for _ in range(200):
            _, _, ready = await ctx.tick("source").sample(queue.i.ready)
            taken.append(ready)
        assert abs(sum(taken) - 200 * min(1, ratio / 2)) <= 2

    run(queue, ratio, fill_then_flow)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_snapshot_is_of_one_clock_and_fresh(ratio):
    snapshot = Snapshot(data.StructLayout({"low": 8, "high": 8}))
    found, ages = [], []

    async def source(ctx):
        for count in range(4000):
            ctx.set(snapshot.i, {"low": count & 255, "high": count * 7 & 255})
            await ctx.tick("source")
            now[0] = count

    now = [0]

    async def target(ctx):
        while True:
            await ctx.tick("target")
            value = ctx.get(snapshot.o)
            found.append((value.low, value.high))
            ages.append(now[0] - value.low & 255)

    run(snapshot, ratio, source, background=[target])
    settled = found[10:]
    assert all(high == low * 7 & 255 for low, high in settled)
    assert len(set(settled)) > 60
    assert max(ages[10:]) <= 8 + 8 / ratio


class Ends:
    """Both ends of a crossing, as a bench sees them."""

    def __init__(self, ctx, crossing):
        self.ctx, self.crossing = ctx, crossing

    async def ask(self, operation, context):
        """Give a command."""
        command = {"operation": operation, "context": context, "steps": 1}
        await put(self.ctx, self.crossing.link.i_command, command, "link")

    async def rest(self, domain="link", clocks=FEW):
        """Let some clocks pass."""
        await self.ctx.tick(domain).repeat(clocks)

    async def take(self, running):
        """Take a command as the chip would, and have contexts run from then on."""
        ctx, stream = self.ctx, self.crossing.chip.i_command
        ctx.set(stream.ready, 1)
        valid = False
        while not valid:
            _, _, valid = await ctx.tick("sync").sample(stream.valid)
        ctx.set(stream.ready, 0)
        ctx.set(self.crossing.chip.running, running)

    @property
    def told(self):
        """What the link is told: contexts that run, and whether commands wait."""
        return self.ctx.get(self.crossing.link.running), self.ctx.get(self.crossing.link.pending)


def cross(ratio, bench):
    """Run a bench on both ends of a crossing."""
    crossing = Crossing(GEOMETRY)

    async def both(ctx):
        await ctx.tick("link").repeat(FEW)
        await bench(Ends(ctx, crossing))

    run(crossing, ratio, both, domains=("link", "sync"))


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_run_counts_from_when_it_is_asked_for(ratio):
    async def bench(ends):
        assert ends.told == (0, 0)
        await ends.ask(Operation.LOAD_IMAGE, 0)
        await ends.ask(Operation.RUN, 1)
        assert ends.told == (2, 1)
        await ends.rest()
        assert ends.told == (2, 1), "the chip has taken nothing"
        await ends.take(0)
        await ends.rest()
        assert ends.told == (2, 1)
        await ends.take(2)
        for _ in range(FEW):
            assert ends.told[0] == 2, "never at rest in between"
            await ends.rest(clocks=1)
        assert ends.told == (2, 0)
        ends.ctx.set(ends.crossing.chip.running, 0)
        await ends.rest()
        assert ends.told == (0, 0)

    cross(ratio, bench)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_run_counts_from_when_it_is_asked_for_though_nothing_waited_before_it(ratio):
    async def bench(ends):
        await ends.ask(Operation.RUN, 1)
        for _ in range(FEW):
            assert ends.told == (2, 1), "the chip has taken nothing"
            await ends.rest(clocks=1)
        await ends.take(0)
        await ends.rest()
        assert ends.told == (0, 0), "a run of no steps is over"

    cross(ratio, bench)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_reset_empties_both_sides(ratio):
    async def bench(ends):
        ctx, crossing = ends.ctx, ends.crossing
        for count in range(COMMANDS):
            await ends.ask(Operation.RUN, count % 2)
            await put(ctx, crossing.link.i_data, count, "link")
            await put(ctx, crossing.chip.o_data, count, "sync")
        await ends.take(1)
        await ends.rest()
        assert ends.told == (3, 1)
        assert ctx.get(crossing.link.taken) == 0
        ctx.set(crossing.link.reset, 1)
        await ends.rest(clocks=64)
        assert ctx.get(crossing.chip_reset) == 1
        ctx.set(crossing.chip.running, 0)  # the chip's registers are reset, too
        ctx.set(crossing.link.reset, 0)
        await ends.rest()
        assert ctx.get(crossing.chip_reset) == 0
        assert ends.told == (0, 0)
        assert ctx.get(crossing.link.taken) == 1
        for stream in (crossing.chip.i_command, crossing.chip.i_data, crossing.link.o_data):
            assert ctx.get(stream.valid) == 0
        await put(ctx, crossing.link.i_data, 77, "link")
        await ends.rest()
        assert ctx.get(crossing.chip.i_data.payload) == 77
        assert ctx.get(crossing.chip.i_data.valid) == 1

    cross(ratio, bench)


@pytest.mark.parametrize("ratio", RATIOS)
def test_counts_arrive_whole(ratio):
    async def bench(ends):
        ctx, crossing = ends.ctx, ends.crossing
        for count in (0xFFFF_FFFF, 1 << 32, 0xABCD_EF01_2345):
            ctx.set(crossing.chip.clocks, count)
            ctx.set(crossing.chip.busy, count ^ 1)
            ctx.set(crossing.chip.damaged, 5)
            await ends.rest()
            assert (ctx.get(crossing.link.clocks), ctx.get(crossing.link.busy)) == (
                count,
                count ^ 1,
            )
            assert ctx.get(crossing.link.damaged) == 5

    cross(ratio, bench)
