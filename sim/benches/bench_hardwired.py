"""The hardwired chip against golden: every code of every state of every step.

Runs inside the simulator; `sim.hardwired` writes the folder that ``$BENCH`` names: the skeleton,
images and lattices.
"""

import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from golden.fixed import STATE
from golden.model import Model
from golden.skeleton import Skeleton
from hw.hardwired.shapes import RUN
from sim.benches.streams import PERIOD, Dut, Sink, Source, require, rests, start
from sim.devices.packing import pack

FOLDER = Path(os.environ["BENCH"])
SKELETON = Skeleton.load(FOLDER / "skeleton")
SPEC = SKELETON.spec
IMAGES = np.load(FOLDER / "images.npy")
STATES = np.load(FOLDER / "states.npy")
STEPS = int(os.environ["STEPS"])
PASS = int(os.environ["PASS"])
"""Clocks of a step."""

LONGEST = 4 * PERIOD * PASS * (STEPS + 4)
"""Nanoseconds in which a chip that works has long restored an image over streams that rest."""


class Host:
    """Drive a hardwired chip through its streams, and note every cell that it writes."""

    def __init__(self, dut: Dut, stall: int = 0) -> None:
        self.dut = dut
        gap = rests(stall)
        self.runs = Source(dut, "i_run", gap)
        self.pixel_in = Source(dut, "i_pixel", gap)
        self.pixel_out = Sink(dut, "o_pixel", gap)
        self.cell = Source(dut, "i_cell", gap)
        self.written: list[int] = []
        self.clocks = 0

    async def watch(self) -> None:
        """Note what the chip writes, and count the clocks in which it runs."""
        while True:
            await ReadOnly()
            self.clocks += int(self.dut.running.value)
            if self.dut.o_cell_valid.value:
                self.written.append(int(self.dut.o_cell.value))
            await FallingEdge(self.dut.clk)

    async def run(self, steps: int, *, resume: bool = False) -> None:
        """Offer one run."""
        await self.runs.put(pack(RUN, steps=steps, resume=int(resume)))

    async def load(self, state: np.ndarray) -> None:
        """Load a lattice."""
        cells = np.ascontiguousarray(state.reshape(len(state), -1).T)
        await self.cell.put(*(int.from_bytes(cell.tobytes(), "little") for cell in cells))

    async def read_image(self) -> np.ndarray:
        """Return the next restored image."""
        pixels = await self.pixel_out.get(SPEC.image**2)
        return np.array(pixels, np.uint8).reshape(SPEC.image, SPEC.image)

    def read_steps(self) -> np.ndarray:
        """Return all states that were written, int8 (steps, channels, height, width)."""
        width = SPEC.channels * STATE.width // 8
        text = b"".join(cell.to_bytes(width, "little") for cell in self.written)
        cells = np.frombuffer(text, np.int8).reshape(-1, *SPEC.lattice[1:], SPEC.channels)
        return cells.transpose(0, 3, 1, 2)


def require_equal(got: np.ndarray, want: np.ndarray, what: str) -> None:
    """Raise with the place of the first wrong code."""
    require(got.shape == want.shape, f"{what}: {got.shape} codes, not {want.shape}")
    if not np.array_equal(got, want):
        place = tuple(np.argwhere(got != want)[0].tolist())
        raise AssertionError(f"{what}: code {place} is {got[place]}, not {want[place]}")


def trace(model: Model, states: np.ndarray, steps: int) -> np.ndarray:
    """Return the states after each of so many steps, (steps, batch, channels, height, width)."""
    found = []
    for _ in range(steps):
        states = model.step(states)
        found.append(states)
    return np.array(found)


@cocotb.test(timeout_time=LONGEST * (len(IMAGES) + 1), timeout_unit="ns")
@cocotb.parametrize(stall=[0, 3])
async def every_image_equals_golden(dut: Dut, stall: int) -> None:
    """Images one after the other: all states and the restored images; flowing, a step's clocks."""
    model, count = Model(SKELETON), len(IMAGES)
    wanted = trace(model, model.encode(IMAGES), STEPS)
    await start(dut)
    host = Host(dut, stall)
    watching = cocotb.start_soon(host.watch())

    async def give() -> None:
        for image in IMAGES:
            await host.pixel_in.put(*image.ravel().tolist())

    async def order() -> None:
        for _ in range(count):
            await host.run(STEPS)

    jobs = [cocotb.start_soon(job()) for job in (give, order)]
    found = np.array([await host.read_image() for _ in range(count)])
    for job in jobs:
        await job
    watching.cancel()
    require_equal(host.read_steps(), wanted.swapaxes(0, 1).reshape(-1, *SPEC.lattice), "states")
    require_equal(found, model.readout(wanted[-1]), "images")
    most = count * STEPS * PASS + PASS
    require(stall > 0 or host.clocks <= most, f"{host.clocks} clocks, more than {most}")


@cocotb.test(timeout_time=LONGEST * (2 * len(STATES) + 1), timeout_unit="ns")
async def every_lattice_equals_golden(dut: Dut) -> None:
    """Raw lattices, in one go and resumed: all states, and the images that they show."""
    model = Model(SKELETON)
    await start(dut)
    host = Host(dut)
    watching = cocotb.start_soon(host.watch())
    for number, state in enumerate(STATES):
        wanted = trace(model, state[None], STEPS)[:, 0]
        host.written.clear()
        await host.load(state)
        await host.run(1, resume=True)
        await host.run(STEPS - 1, resume=True)
        found = np.array([await host.read_image() for _ in range(2)])
        while dut.running.value:
            await FallingEdge(dut.clk)
        require_equal(host.read_steps(), wanted, f"lattice {number}")
        require_equal(found, model.readout(wanted[[0, -1]]), f"lattice {number}, images")
    watching.cancel()
