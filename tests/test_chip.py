"""The whole chip on the smallest lattice: streams in, streams out, every code against golden."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import GoldenDevice, trace
from golden.model import Model
from golden.samples import adversarial_states, calibrated, extreme, network, uniform
from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.chip import Chip
from hw.clocks import run_overhead
from hw.shapes import Geometry
from sim.devices.packing import command_code
from tests.streams import collect, feed, put, rest, simulate

SPEC = Spec(height=4, width=4, image=4)
NEAREST2 = Gate(input_channel=0, output_channel=1, start=1)
SPARSE = Gate(input_channel=2, output_channel=15, start=1, every=2)
PHASE4 = Gate(input_channel=5, output_channel=14, start=1, mapping="phase4")


CLOCKS = 200_000  # more than any of these runs takes


class Bench:
    """A chip and its host: commands in order, bytes beside them, and openings answered."""

    def __init__(
        self, filters, kinds, gate, *, spec=SPEC, gaps=(0,), late=0, platform=None, **counts
    ):
        rng = np.random.default_rng(26)
        self.geometry = Geometry(spec=spec, filters=filters, **counts)
        self.cells = spec.cells
        spec = replace(spec, gate=gate)
        self.skeletons = [kind(spec, rng) for kind in kinds]
        self.chip = Chip(self.geometry, self.skeletons, check=False)
        self.gate, self.gaps, self.late, self.platform = gate, gaps, late, platform
        self.network = network(spec, rng)
        self.planes = []

    async def serve(self, ctx):
        """Answer every opening, so many clocks late."""
        while True:
            entries = await collect(ctx, self.chip.o_plane, self.cells, self.gaps)
            context = entries[0]["context"]
            assert [entry["context"] for entry in entries] == [context] * self.cells
            assert [entry["last"] for entry in entries] == [0] * (self.cells - 1) + [1]
            plane = np.array([entry["code"] for entry in entries], np.int8)
            self.planes.append((context, plane))
            await rest(ctx, self.late)
            codes = self.network.deltas(plane[None])[0].tolist()
            payloads = [{"code": code, "context": context} for code in codes]
            await feed(ctx, self.chip.i_delta, payloads, self.gaps)

    def play(self, commands, data=(), count=0):
        """Give commands, each an operation, a context and values; return the bytes out."""
        chip, got = self.chip, []

        async def command(ctx):
            for operation, context, values in commands:
                code = command_code(self.geometry, operation=operation, context=context, **values)
                await put(ctx, chip.i_command, self.geometry.command.from_bits(code))
            while ctx.get(chip.running):
                await ctx.tick()
            self.counters = ctx.get(chip.clocks), ctx.get(chip.busy)

        async def source(ctx):
            await feed(ctx, chip.i_data, data, self.gaps)

        async def sink(ctx):
            got.extend(await collect(ctx, chip.o_data, count, self.gaps[::-1]))

        options = {"background": [self.serve], "clocks": CLOCKS, "platform": self.platform}
        simulate(chip, command, source, sink, **options)
        return got

    def golden(self, index, states):
        """The golden device with states loaded after step 0."""
        device = GoldenDevice((self.skeletons[index],))
        device.load_states(states, 0)
        return device


def each(operation, contexts=2, **values):
    """The same command for all contexts."""
    return [(operation, context, values) for context in range(contexts)]


def raster(states):
    """Bytes of lattices, channel by channel within cell by cell."""
    return np.moveaxis(np.asarray(states, np.int8), -3, -1).view(np.uint8).ravel().tolist()


@pytest.mark.parametrize(
    ("filters", "kind", "gate", "gaps", "steps"),
    [
        (1, extreme, NEAREST2, (0,), (1, 1)),
        (2, calibrated, PHASE4, (0, 2, 1), (1, 1)),
        (5, uniform, SPARSE, (1, 0), (2, 0)),
    ],
    ids=["F1", "F2-stalling", "F5-stalling"],
)
def test_two_gated_runs_in_flight_and_resumed_equal_golden(filters, kind, gate, gaps, steps):
    bench = Bench(filters, (uniform, kind), gate, gaps=gaps)
    rng = np.random.default_rng(27)
    state = adversarial_states(SPEC)[2]
    image = rng.integers(0, 256, (1, 4, 4), np.uint8)
    run = {"skeleton": 1, "gate": gate}
    first, second = steps
    commands = [
        (Operation.LOAD_STATE, 0, {}),
        (Operation.LOAD_IMAGE, 1, {"skeleton": 1}),
        *each(Operation.RUN, steps=first, step=0, **run),
        *each(Operation.READ_STATE),
        *each(Operation.RUN, steps=second, step=first, **run),
        *each(Operation.READ_STATE),
        *each(Operation.READ_IMAGE, skeleton=1),
    ]
    data = raster(state) + image.ravel().tolist()
    got = bench.play(commands, data, count=4 * 256 + 2 * 16)

    model, total = Model(bench.skeletons[1]), first + second
    golden = bench.golden(1, np.concatenate([state[None], model.encode(image)]))
    states = trace(golden, bench.network, total)
    shown = golden.read_images().ravel().tolist()
    assert got == raster(states[:, first]) + raster(states[:, total]) + shown
    assert len(bench.planes) == 2 * sum(map(gate.is_open, range(1, total + 1)))
    assert bench.counters[1] == 2 * total * SPEC.cells * bench.geometry.slots


def test_reads_loads_and_zeroing_follow_a_pending_delta():
    bench = Bench(5, (calibrated,), NEAREST2, late=60)
    rng = np.random.default_rng(28)
    states = rng.integers(-128, 128, (2, *SPEC.lattice), np.int8)
    cells = rng.random((2, SPEC.cells)) < 0.4
    run = {"steps": 1, "gate": NEAREST2}
    commands = [
        (Operation.LOAD_STATE, 0, {}),
        (Operation.RUN, 0, run | {"step": 0}),
        (Operation.READ_STATE, 0, {}),  # waits for the late host; the delta stays pending
        (Operation.ZERO, 0, {}),  # and is spent
        (Operation.READ_STATE, 0, {}),
        (Operation.RUN, 0, run | {"step": 1}),
        (Operation.LOAD_STATE, 0, {}),  # overwrites lattice and delta
        (Operation.READ_STATE, 0, {}),
    ]
    bits = np.packbits(cells[0], bitorder="little").tolist()
    got = bench.play(commands, raster(states[0]) + bits + raster(states[1]), count=3 * 256)

    golden = bench.golden(0, states[:1])
    after = trace(golden, bench.network, 1)[:, 1]
    golden.zero_cells(cells[:1])
    assert got == raster(after) + raster(golden.read_states()) + raster(states[1])
    assert len(bench.planes) == 2


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_clocks_of_a_run_follow_the_formula(filters):
    bench = Bench(filters, (), None)
    per_step = SPEC.cells * bench.geometry.slots
    bench.play([(Operation.RUN, 1, {"steps": 2}), (Operation.READ_IMAGE, 1, {})], count=16)
    assert bench.counters == (2 * per_step + run_overhead(bench.geometry), 2 * per_step)


def test_the_counters_stand_still_between_runs():
    bench = Bench(5, (), None)
    bench.play([(Operation.READ_STATE, 0, {})], count=256)
    assert bench.counters == (0, 0)


def test_the_check_finds_a_sound_skeleton_sound():
    geometry = Geometry(spec=SPEC, filters=5, skeletons=1)
    chip = Chip(geometry, [uniform(SPEC, np.random.default_rng(29))])

    async def bench(ctx):
        while not ctx.get(chip.checked):
            await ctx.tick()
        assert ctx.get(chip.damaged) == 0

    simulate(chip, bench)
