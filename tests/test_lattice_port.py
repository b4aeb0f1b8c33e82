"""The lattice port: every operation, flowing and stalling, on a context with a delta pending."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import Elaboratable, Module

from golden import naive
from golden.samples import calibrated, uniform
from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.asic import platform as asic
from hw.asic.platform import Asic
from hw.context import Context
from hw.port.lattice_port import LatticePort
from hw.port.unloader import BUFFER
from hw.primitives import spare
from hw.shapes import Geometry
from hw.skeleton_memory import images
from tests.streams import collect, feed, rest, simulate

SPEC = Spec(height=4, width=4, image=2)  # a margin of one cell
GATE = Gate(input_channel=0, output_channel=9, start=1)
DELTA = [-128, 127, 1, -100]
CODES = SPEC.cells * 16
CASES = pytest.mark.parametrize(
    ("filters", "gaps"), [(1, (0,)), (1, (0, 3, 1)), (2, (0,)), (2, (2, 0))]
)


class Bench(Elaboratable):
    """A port on a context whose delta is pending until it is spent."""

    def __init__(self, filters, spec=SPEC, platform=None):
        rng = np.random.default_rng(20)
        self.skeletons = [uniform(spec, rng), calibrated(spec, rng)]
        geometry = Geometry(spec=spec, filters=filters)
        self.port = LatticePort(
            geometry,
            images(geometry, self.skeletons),
            read_latency=Context.LATENCY - spare(platform, Context.SPARE),
        )
        self.platform = platform
        self.context = Context(geometry)
        self.clocks = []  # of each command
        self.spends = 0

    def elaborate(self, platform):
        m = Module()
        m.submodules.port, m.submodules.context = port, context = self.port, self.context
        for name in ("at", "word"):
            m.d.comb += getattr(context, f"read_{name}").eq(getattr(port, f"read_{name}"))
        for name in ("cell", "word", "codes", "enable"):
            m.d.comb += getattr(context, f"write_{name}").eq(getattr(port, f"write_{name}"))
        m.d.comb += port.read_codes.eq(context.read_codes)
        return m

    async def write_delta(self, ctx):
        """Store a delta and make it pending."""
        ctx.set(self.context.delta_enable, 1)
        for index, code in enumerate(DELTA):
            ctx.set(self.context.delta_index, index)
            ctx.set(self.context.delta_code, code)
            await ctx.tick()
        ctx.set(self.context.delta_enable, 0)
        ctx.set(self.context.pending, {"active": 1, "channel": GATE.output_channel})

    async def command(self, ctx, operation, skeleton=0):
        """Hold a command until it is acknowledged."""
        port, clocks = self.port, 0
        ctx.set(port.i_command.payload, {"operation": operation, "skeleton": skeleton})
        ctx.set(port.i_command.valid, 1)
        while True:
            ready = ctx.get(port.i_command.ready)
            if ctx.get(port.spend):
                self.spends += 1
                await ctx.tick()
                ctx.set(self.context.pending, {"active": 0})
            else:
                await ctx.tick()
            clocks += 1
            if ready:
                break
        ctx.set(port.i_command.valid, 0)
        self.clocks.append(clocks)

    def run(self, *script, data=(), count=0, gaps=(0,), pauses=None):
        """Run a script beside the bytes in and out; return the latter, taken after pauses."""
        got = []

        async def main(ctx):
            for part in script:
                await part(ctx)

        async def source(ctx):
            await feed(ctx, self.port.i_data, data, gaps)

        async def sink(ctx):
            await rest(ctx, 1)
            got.extend(await collect(ctx, self.port.o_data, count, pauses or gaps))

        simulate(self, main, source, sink, platform=self.platform)
        return got

    def do(self, operation, **values):
        """Return a part of a script: one command."""
        return lambda ctx: self.command(ctx, operation, **values)


def raster(state):
    """Bytes of a lattice in walking order."""
    return np.moveaxis(np.asarray(state), 0, -1).astype(np.int8).view(np.uint8).ravel().tolist()


def random_state():
    return np.random.default_rng(21).choice([-128, -127, -3, 0, 2, 126, 127], SPEC.lattice)


def with_delta(bench, state):
    """The lattice with the pending delta added."""
    skeleton = replace(bench.skeletons[0], spec=replace(SPEC, gate=GATE))
    return np.array(naive.add_delta(skeleton, state.tolist(), DELTA, 1))


@CASES
def test_raw_codes_come_back_and_the_reads_leave_the_delta_pending(filters, gaps):
    bench, state = Bench(filters), random_state()
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.do(Operation.READ_STATE),
        bench.write_delta,
        bench.do(Operation.READ_STATE),
        bench.do(Operation.READ_STATE),
        data=raster(state),
        count=3 * CODES,
        gaps=gaps,
    )
    changed = raster(with_delta(bench, state))
    assert got == raster(state) + changed + changed
    assert bench.spends == 1  # by the load


@CASES
def test_images_are_encoded_with_a_margin_of_pixel_0(filters, gaps):
    bench = Bench(filters)
    image = np.random.default_rng(22).integers(0, 256, (2, 2))
    got = bench.run(
        bench.write_delta,  # the load overwrites it
        bench.do(Operation.LOAD_IMAGE, skeleton=1),
        bench.do(Operation.READ_STATE),
        data=image.ravel().tolist(),
        count=CODES,
        gaps=gaps,
    )
    assert got == raster(naive.encode(bench.skeletons[1], image.tolist()))
    assert bench.spends == 1


@CASES
def test_images_show_the_delta(filters, gaps):
    bench, state = Bench(filters), random_state()
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.do(Operation.READ_IMAGE, skeleton=1),
        bench.write_delta,
        bench.do(Operation.READ_IMAGE, skeleton=1),
        data=raster(state),
        count=8,
        gaps=gaps,
    )
    shown = [
        naive.readout(bench.skeletons[1], found.tolist())
        for found in (state, with_delta(bench, state))
    ]
    assert got == np.array(shown).ravel().tolist()


@pytest.fixture
def one_port(monkeypatch):
    """The platform of standard cells, whose lattice has one port; no memory is a macro."""
    monkeypatch.setattr(asic, "SMALL_ROWS", 1 << 10)
    return Asic()


@CASES
def test_zeroing_follows_the_delta_and_spends_it(filters, gaps):
    zero_and_read(Bench(filters), gaps)


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1), (9, 40)])
def test_zeroing_with_one_port_loses_no_code(one_port, gaps):
    zero_and_read(Bench(1, platform=one_port), gaps)


def zero_and_read(bench, gaps):
    """Zero cells while a delta is pending, and compare all codes."""
    state = random_state()
    chosen = np.random.default_rng(23).random(SPEC.cells) < 0.4
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.write_delta,
        bench.do(Operation.ZERO),
        bench.do(Operation.READ_STATE),
        data=raster(state) + np.packbits(chosen, bitorder="little").tolist(),
        count=CODES,
        gaps=gaps,
    )
    want = with_delta(bench, state)
    want[:, chosen.reshape(4, 4)] = 0
    assert got == raster(want)
    assert bench.spends == 2


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4)])
def test_an_oblong_lattice_has_the_image_in_its_middle_and_zeroes_in_raster_order(height, width):
    bench = Bench(1, Spec(height=height, width=width, image=2))
    image = np.array([[200, 3], [90, 255]])
    chosen = np.random.default_rng(24).random((height, width)) < 0.4
    got = bench.run(
        bench.do(Operation.LOAD_IMAGE, skeleton=1),
        bench.do(Operation.READ_STATE),
        bench.do(Operation.READ_IMAGE, skeleton=1),
        bench.do(Operation.ZERO),
        bench.do(Operation.READ_STATE),
        data=[*image.ravel().tolist(), *np.packbits(chosen, bitorder="little").tolist()],
        count=4 + 2 * 32 * 16,
    )
    state = np.array(naive.encode(bench.skeletons[1], image.tolist()))
    shown = naive.readout(bench.skeletons[1], state.tolist())
    zeroed = np.where(chosen, 0, state)
    assert got == raster(state) + np.array(shown).ravel().tolist() + raster(zeroed)


@pytest.mark.parametrize("filters", [1, 2])
def test_no_code_is_lost_while_the_host_pauses(filters):
    bench, state = Bench(filters), random_state()
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.do(Operation.READ_STATE),
        bench.do(Operation.READ_STATE),
        data=raster(state),
        count=2 * CODES,
        # Longer than the buffer and the pipeline hold: at first, and now and then.
        pauses=(400, *[0] * 40, 90, *[0] * 7, 33, 1, 90),
    )
    assert got == 2 * raster(state)


def test_no_pixel_is_lost_while_the_host_pauses():
    bench, state = Bench(1), random_state()
    reads = 2 * BUFFER // 4
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        *[bench.do(Operation.READ_IMAGE, skeleton=1)] * reads,
        data=raster(state),
        count=4 * reads,
        pauses=(CODES + 120 * reads, *[0] * 4 * reads),
    )
    shown = naive.readout(bench.skeletons[1], state.tolist())
    assert got == np.array(shown).ravel().tolist() * reads


def test_no_step_is_lost_while_the_host_brings_nothing():
    bench, state = Bench(1), random_state()
    got = bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.do(Operation.READ_STATE),
        data=raster(state),
        count=CODES,
        gaps=(90, 0, 0, 33, *[0] * 20),
    )
    assert got == raster(state)


def test_an_operation_takes_a_clock_a_channel():
    clocks_of_operations(Bench(1), zero=CODES)


def test_zeroing_takes_two_clocks_a_channel_with_one_port(one_port):
    clocks_of_operations(Bench(1, platform=one_port), zero=2 * CODES)


def clocks_of_operations(bench, zero):
    """Hold the clocks of each operation against those of its walk."""
    bench.run(
        bench.do(Operation.LOAD_STATE),
        bench.do(Operation.ZERO),
        bench.do(Operation.READ_STATE),
        bench.do(Operation.READ_IMAGE),
        bench.do(Operation.LOAD_IMAGE),
        data=raster(random_state()) + [0] * 2 + [9] * 4,
        count=CODES + 4,
    )
    # The image's cells take sixteen clocks to read out, those of the margin one.
    walks = (CODES, zero, CODES, 4 * 16 + 12, CODES)
    pipeline = 26
    for clocks, walk in zip(bench.clocks, walks, strict=True):
        assert walk <= clocks <= walk + pipeline
