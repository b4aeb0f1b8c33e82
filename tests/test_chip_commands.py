"""What a chip does with commands: damage is refused, contexts are kept apart."""

import numpy as np

from golden.device import trace
from golden.samples import calibrated, uniform
from golden.wire import Operation
from hw.chip import Chip
from hw.shapes import Geometry
from sim.devices.packing import command_code
from tests.streams import simulate
from tests.test_chip import NEAREST2, SPEC, Bench, raster


async def is_taken(ctx, chip, operation, skeleton=0, clocks=100):
    """Offer a command for so many clocks; return whether the chip takes it."""
    code = command_code(chip.geometry, operation=operation, context=0, skeleton=skeleton, steps=1)
    ctx.set(chip.i_command.payload, chip.geometry.command.from_bits(code))
    ctx.set(chip.i_command.valid, 1)
    ready = False
    for _ in range(clocks):
        await ctx.tick()
        if ready := bool(ctx.get(chip.i_command.ready)):
            await ctx.tick()
            break
    ctx.set(chip.i_command.valid, 0)
    await ctx.tick()
    return ready


def test_a_damaged_skeleton_is_never_run():
    skeletons = [uniform(SPEC, np.random.default_rng(64))] * 2
    chip = Chip(Geometry(spec=SPEC, filters=1), skeletons, check=False)

    async def bench(ctx):
        ctx.set(chip.damaged, 0b10)  # what the checker, which is left out, would tell
        assert not await is_taken(ctx, chip, Operation.RUN, 1)
        ctx.set(chip.i_data.valid, 1)
        # A load takes a clock a channel of every cell.
        assert not await is_taken(ctx, chip, Operation.LOAD_IMAGE, 1, 400)
        assert await is_taken(ctx, chip, Operation.RUN, 0)

    simulate(chip, bench)


def test_nothing_runs_until_the_skeletons_are_checked():
    geometry = Geometry(spec=SPEC, filters=1, skeletons=1)
    chip = Chip(geometry, [uniform(SPEC, np.random.default_rng(65))])

    async def bench(ctx):
        assert not await is_taken(ctx, chip, Operation.RUN)
        assert ctx.get(chip.running) == 0

    simulate(chip, bench)


def test_a_write_spends_the_delta_of_its_own_context_alone():
    bench = Bench(1, (calibrated,), NEAREST2)
    commands = [
        (Operation.RUN, 1, {"steps": 1, "step": 0, "gate": NEAREST2}),
        (Operation.READ_IMAGE, 1, {}),  # waits for the delta, which stays pending
        (Operation.ZERO, 0, {}),
        (Operation.READ_STATE, 1, {}),
    ]
    got = bench.play(commands, [0] * (SPEC.cells // 8), count=16 + 256)
    states = trace(bench.golden(0, np.zeros((1, *SPEC.lattice), np.int8)), bench.network, 1)
    assert got[16:] == raster(states[:, 1])
