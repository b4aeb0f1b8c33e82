# amaranth: UnusedElaboratable=no
"""What a chip does with commands: damage is refused, contexts are kept apart."""

import numpy as np
from amaranth import Module
from amaranth.lib import wiring

from golden.device import trace
from golden.samples import calibrated, uniform
from golden.wire import Operation
from hw.checker import Checker
from hw.chip import Chip
from hw.shapes import Geometry
from sim.devices.packing import command_code
from tests.streams import simulate
from tests.test_chip import NEAREST2, SPEC, Bench, raster


async def is_taken(ctx, chip, operation, skeleton=0, clocks=100, context=0):
    """Offer a command for so many clocks; return whether the chip takes it."""
    values = {"operation": operation, "context": context, "skeleton": skeleton, "steps": 1}
    code = command_code(chip.geometry, **values)
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


def test_a_context_is_unloaded_while_another_runs_and_the_running_one_is_not():
    chip = Chip(Geometry(spec=SPEC, filters=1, contexts=3), (), check=False)

    async def bench(ctx):
        ctx.set(chip.i_data.valid, 1)
        assert await is_taken(ctx, chip, Operation.RUN, context=2)
        for operation in (Operation.ZERO, Operation.READ_IMAGE):
            # An operation takes a clock a channel of every cell; a run of one step five times that.
            assert not await is_taken(ctx, chip, operation, clocks=20, context=2)
            assert await is_taken(ctx, chip, operation, clocks=300, context=1)
        assert ctx.get(chip.running) == 0b100

    simulate(chip, bench)


class StandIn(wiring.Component):
    """Stands for a checker that has found one skeleton damaged."""

    def __init__(self, geometry, identities):
        super().__init__(Checker(geometry, identities).signature)
        self.identities = identities

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.checked.eq(1),
            self.damaged.eq(0b010),
            self.identity.eq(self.identity_address + 1),
        ]
        return m


def test_a_chip_tells_what_its_checker_tells(monkeypatch):
    monkeypatch.setattr("hw.chip.Checker", StandIn)
    chip = Chip(Geometry(spec=SPEC, filters=1, skeletons=3), ())

    async def bench(ctx):
        assert (ctx.get(chip.checked), ctx.get(chip.damaged)) == (1, 0b010)
        ctx.set(chip.identity_address, 100)
        assert ctx.get(chip.identity) == 101
        ctx.set(chip.i_data.valid, 1)
        assert not await is_taken(ctx, chip, Operation.RUN, 1)
        assert await is_taken(ctx, chip, Operation.RUN, 2)

    simulate(chip, bench)
