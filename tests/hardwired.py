"""Runs of a hardwired chip in Amaranth's simulator."""

import numpy as np

from golden.spec import Spec
from hw.hardwired.chip import HardwiredChip
from hw.hardwired.plan import Plan
from tests.streams import feed, get, rest, simulate

__all__ = ["SMALL", "cells_of", "run_chip", "skeleton_of"]

SMALL = Spec(height=8, width=4, channels=4, multiplier=2, image=4)


def skeleton_of(make, spec):
    """Return a random skeleton of a kind of `golden.samples`."""
    return make(spec, np.random.default_rng(11))


def cells_of(state):
    """Return the cells of a state (channels, height, width), in raster order, as lists of codes."""
    return state.reshape(len(state), -1).T.tolist()


def run_chip(skeleton, jobs, *, gaps=(0,), clocks=200_000):
    """Run jobs on a chip: pairs of an image, or a state to load, or None to go on, and steps.

    Return the states after each step, the images of each run, and the clocks in which it ran.
    """
    spec = skeleton.spec
    chip = HardwiredChip(Plan(skeleton))
    cells, images, ran = [], [], [0]
    steps = sum(steps for _, steps in jobs)

    async def command(ctx):
        for begin, count in jobs:
            resume = begin is None or begin.ndim == 3
            if resume:
                while ctx.get(chip.running):
                    await ctx.tick()
            if begin is not None and resume:
                await feed(ctx, chip.i_cell, cells_of(begin), gaps)
            ctx.set(chip.i_run.payload, {"steps": count, "resume": resume})
            ctx.set(chip.i_run.valid, 1)
            await ctx.tick().until(chip.i_run.ready)
            ctx.set(chip.i_run.valid, 0)

    async def source(ctx):
        for begin, _ in jobs:
            if begin is not None and begin.ndim == 2:
                await feed(ctx, chip.i_pixel, begin.ravel().tolist(), gaps)

    async def sink(ctx):
        for _ in jobs:
            pixels = []
            for index in range(spec.image**2):
                await rest(ctx, gaps[index % len(gaps)])
                pixels.append(await get(ctx, chip.o_pixel))
            images.append(np.array(pixels).reshape(spec.image, spec.image))

    async def watch(ctx):
        ticks = ctx.tick().sample(chip.running, chip.o_cell_valid, chip.o_cell)
        async for _, _, running, valid, cell in ticks:
            ran[0] += running
            if valid:
                cells.append([code for code in cell])

    simulate(chip, command, source, sink, background=(watch,), clocks=clocks)
    states = np.array(cells).reshape(steps, *spec.lattice[1:], spec.channels)
    return states.transpose(0, 3, 1, 2), np.array(images), ran[0]
