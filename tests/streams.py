"""Drive components in Amaranth's simulator: through their streams, or clock by clock."""

from itertools import cycle

from amaranth.hdl import Fragment
from amaranth.lib import data
from amaranth.sim import Simulator

from golden.wire import FACTS
from hw.shapes import IDENTITY
from hw.skeleton_memory import DIGEST

__all__ = [
    "collect",
    "drive",
    "exchange",
    "feed",
    "finish",
    "get",
    "late",
    "look",
    "piped",
    "put",
    "rest",
    "simulate",
]


DEADLINE = 40_000
"""Clocks after which a component is taken to hang: the longest quick test takes half of them."""


def simulate(dut, *benches, background=(), clocks=DEADLINE, platform=None):
    """Run testbenches side by side until all but the background ones have ended.

    Raises unless they end within so many clocks.
    """
    sim = Simulator(Fragment.get(dut, platform))
    sim.add_clock(1e-6)
    for bench in benches:
        sim.add_testbench(bench)
    for bench in background:
        sim.add_testbench(bench, background=True)
    finish(sim, 2 * clocks, f"{type(dut).__name__} hangs: {clocks:,} clocks have passed")


def finish(sim, edges, text):
    """Run a simulation to its end, over so many edges of clocks at most; raise a text if not."""
    for _ in range(edges):
        if not sim.advance():
            return
    raise AssertionError(text)


async def rest(ctx, clocks):
    """Let so many clocks pass, 0 included."""
    for _ in range(clocks):
        await ctx.tick()


async def put(ctx, stream, payload):
    """Offer a payload until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await moved(ctx, stream, stream.ready)
    ctx.set(stream.valid, 0)


async def get(ctx, stream):
    """Wait for a payload and take it."""
    ctx.set(stream.ready, 1)
    payload = await moved(ctx, stream, stream.valid)
    ctx.set(stream.ready, 0)
    return payload


async def moved(ctx, stream, other):
    """Wait for the tick that finds the other side willing; return the payload it found.

    What `until` does, which cannot be left behind in a background testbench.
    """
    willing = False
    while not willing:
        _, _, willing, payload = await ctx.tick().sample(other, stream.payload)
    return payload


async def feed(ctx, stream, payloads, gaps=(0,)):
    """Put payloads, resting so many clocks before each."""
    for payload, gap in zip(payloads, cycle(gaps)):
        await rest(ctx, gap)
        await put(ctx, stream, payload)


async def collect(ctx, stream, count, gaps=(0,)):
    """Get so many payloads, resting so many clocks before each."""
    payloads = []
    for _, gap in zip(range(count), cycle(gaps)):
        await rest(ctx, gap)
        payloads.append(await get(ctx, stream))
    return payloads


def exchange(dut, payloads, count, gaps=(0,)):
    """Feed a component's ``i`` and return the first ``count`` payloads of its ``o``."""
    got = []

    async def source(ctx):
        await feed(ctx, dut.i, payloads, gaps)

    async def sink(ctx):
        got.extend(await collect(ctx, dut.o, count, gaps[::-1]))

    simulate(dut, source, sink)
    return got


def drive(ctx, port, value):
    """Set a port; one of an array takes a list."""
    if isinstance(port, (list, tuple)):
        for one, code in zip(port, value, strict=True):
            drive(ctx, one, code)
    else:
        ctx.set(port, value)


def look(ctx, port):
    """Return a port's value, a list where it is an array."""
    if isinstance(port, (list, tuple)):
        return [look(ctx, one) for one in port]
    value = ctx.get(port)
    is_array = isinstance(value, data.Const) and isinstance(value.shape(), data.ArrayLayout)
    return list(value) if is_array else value


def piped(dut, items, outputs, *, latency):
    """Give a component an item each clock, port by port; return its outputs `latency` clocks on.

    An item is a dict of port names to values. Ports that it does not name hold.
    """
    got = []

    async def bench(ctx):
        for clock in range(len(items) + latency):
            for name, value in items[min(clock, len(items) - 1)].items():
                drive(ctx, getattr(dut, name), value)
            if clock >= latency:
                found = [look(ctx, getattr(dut, name)) for name in outputs]
                got.append(found if len(found) > 1 else found[0])
            await ctx.tick()

    simulate(dut, bench)
    return got


def late(items, clocks, fill):
    """Return items so many clocks late, as long a list, beginning with ``fill``."""
    return ([fill] * clocks + list(items))[: len(items)]


def identify(link, facts):
    """Return a process that plays a chip's identities to a link."""
    header, digests = facts.to_bytes()[: FACTS.size], facts.to_bytes()[FACTS.size :]
    table = b"".join(
        (header.ljust(DIGEST, b"\0") + digests[at : at + 32]).ljust(IDENTITY, b"\0")
        for at in range(0, len(digests), 32)
    )

    async def process(ctx):
        ctx.set(link.chip.identity, table[0])
        async for _, _, address in ctx.tick().sample(link.chip.identity_address):
            ctx.set(link.chip.identity, table[address])

    return process
