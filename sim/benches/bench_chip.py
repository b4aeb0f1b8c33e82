"""The whole chip against golden: every code of every state of every step.

Runs inside the simulator; `sim.cocotb_run` writes the folder that ``$BENCH`` names: the
chip's facts, its skeletons with the gates they come with, and what to run.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import cocotb
import numpy as np

from golden.device import GoldenDevice, run, trace
from golden.gate import GateNetwork
from golden.samples import adversarial_states, network
from golden.skeleton import GATE_FILE, Skeleton
from golden.spec import Gate, Spec
from hw.clocks import run_clocks
from hw.shapes import Geometry
from sim.benches.host import Host
from sim.benches.streams import PERIOD, Dut, require, start

FOLDER = Path(os.environ["BENCH"])
PLAN = json.loads((FOLDER / "plan.json").read_text())
GEOMETRY = Geometry(
    spec=Spec.from_json(PLAN["spec"]), filters=PLAN["filters"], contexts=PLAN["contexts"]
)
SKELETONS = [Skeleton.load(FOLDER / f"skeleton{place}") for place in range(PLAN["skeletons"])]
IMAGES = np.load(FOLDER / "images.npy")

LAST = GEOMETRY.spec.channels - 1
GATES = {
    "nearest2": Gate(input_channel=0, output_channel=LAST, start=1),
    "phase4": Gate(
        input_channel=LAST // 3, output_channel=LAST - 1, start=2, every=2, mapping="phase4"
    ),
    "none": None,
}


STALL = max([0, *(stall for _, stall in PLAN["cases"])])


def deadline(lattices: int, walks: int, passes: int) -> int:
    """Nanoseconds in which a chip that works has long done so much with each lattice.

    A walk loads or reads all codes, over streams that rest; a pass is a step, its gate included.
    """
    spec = GEOMETRY.spec
    walk = spec.cells * spec.channels * (1 + STALL) + spec.cells
    step = run_clocks(GEOMETRY, 1) + 2 * spec.cells * (1 + STALL)
    return 2 * PERIOD * (1000 + lattices * (walks * walk + passes * step))


def gated(place: int, mapping: str) -> tuple[Skeleton, GateNetwork | None]:
    """Skeleton of a place with a gate: its own, or a random one of the given mapping."""
    skeleton = SKELETONS[place]
    spec, file = skeleton.spec, FOLDER / f"skeleton{place}" / GATE_FILE
    if mapping == "own":
        return skeleton, GateNetwork.load(file) if file.exists() else None
    skeleton = replace(skeleton, spec=replace(spec, gate=GATES[mapping]))
    return skeleton, network(spec, np.random.default_rng(cocotb.RANDOM_SEED))


def require_equal(got: np.ndarray, want: np.ndarray, what: str) -> None:
    """Raise with the place of the first wrong code."""
    if not np.array_equal(got, want):
        place = tuple(np.argwhere(got != want)[0].tolist())
        wrong = int((got != want).sum())
        raise AssertionError(
            f"{what}: code {place} is {got[place]}, not {want[place]}; {wrong} are wrong"
        )


class Pair:
    """The chip and golden side by side on as many lattices as the chip has contexts."""

    def __init__(self, dut: Dut, place: int, mapping: str, stall: int) -> None:
        self.skeleton, self.network = gated(place, mapping)
        self.place, self.gate = place, self.skeleton.spec.gate
        self.what = f"{self.skeleton.name}, gate {mapping}, stall {stall}"
        self.host = Host(dut, GEOMETRY, stall)
        self.golden = GoldenDevice((self.skeleton,))
        self.server = cocotb.start_soon(self.host.serve(self.network))
        self.step = self.count = 0

    async def load_states(self, states: np.ndarray, step: int) -> None:
        """Load both with raw lattices."""
        self.golden.load_states(states, step)
        await self.host.load_states(states)
        self.step, self.count = step, len(states)

    async def load_images(self, images: np.ndarray) -> None:
        """Load both with images, and compare what they became."""
        self.golden.load_images(images)
        await self.host.load_images(images, self.place)
        self.step, self.count = 0, len(images)
        await self.compare_states(self.golden.read_states(), "after encode")

    async def run(self, steps: int) -> None:
        """Run the chip on, all contexts in flight."""
        await self.host.run(self.count, steps, skeleton=self.place, gate=self.gate, step=self.step)
        self.step += steps

    async def compare_states(self, want: np.ndarray, when: str) -> None:
        """Read the chip's states and compare every code."""
        got = await self.host.read_states(self.count)
        require_equal(got, want, f"{self.what}, {when}")

    async def compare_steps(self, steps: int) -> None:
        """Run step by step and compare every state."""
        wanted = trace(self.golden, self.network, steps)
        for index in range(1, steps + 1):
            await self.run(1)
            await self.compare_states(wanted[:, index], f"after step {self.step}")

    async def compare_run(self, steps: int) -> None:
        """Run in one go, and compare the states, the number of openings and the images."""
        run(self.golden, self.network, steps)
        before, first = self.host.openings, self.step
        await self.run(steps)
        await self.compare_states(self.golden.read_states(), f"after {steps} steps in one go")
        open_ = [t for t in range(first + 1, self.step + 1) if self.gate and self.gate.is_open(t)]
        found, wanted = self.host.openings - before, len(open_) * self.count
        require(found == wanted, f"{self.what}: {found} openings, not {wanted}")
        got = await self.host.read_images(self.count, self.place)
        require_equal(got, self.golden.read_images(), f"{self.what}, image")

    async def compare_zero(self, rng: np.random.Generator) -> None:
        """Zero random cells of both, after whatever delta is pending, and compare."""
        cells = rng.random((self.count, GEOMETRY.spec.cells)) < 0.3
        self.golden.zero_cells(cells)
        await self.host.zero(cells)
        await self.compare_states(self.golden.read_states(), "after zeroing")


@cocotb.test(
    timeout_time=deadline(PLAN["adversarial_states"] + PLAN["random_states"] + 1, 10, 8),
    timeout_unit="ns",
)
@cocotb.parametrize(
    place=range(len(SKELETONS)),
    case=PLAN["cases"],
)
async def every_state_equals_golden(dut: Dut, place: int, case: tuple[str, int]) -> None:
    """Adversarial and random lattices, step by step and in one go, resumed and zeroed."""
    mapping, stall = case
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    spec = GEOMETRY.spec
    random = rng.integers(-128, 128, (PLAN["random_states"], *spec.lattice), np.int8)
    states = np.concatenate([adversarial_states(spec)[: PLAN["adversarial_states"]], random])
    await start(dut)
    pair = Pair(dut, place, mapping, stall)
    for begin in range(0, len(states), GEOMETRY.contexts):
        await pair.load_states(states[begin : begin + GEOMETRY.contexts], begin)
        await pair.compare_steps(1)
        await pair.compare_run(3)
        await pair.compare_zero(rng)
        await pair.compare_steps(1)


@cocotb.test(
    timeout_time=deadline(len(IMAGES) + 1, PLAN["steps"] + 8, 2 * PLAN["steps"]),
    timeout_unit="ns",
    skip=not len(IMAGES),
)
@cocotb.parametrize(place=range(len(SKELETONS)), mapping=PLAN["image_mappings"])
async def every_image_equals_golden(dut: Dut, place: int, mapping: str) -> None:
    """Images encoded, restored and read out, every state on the way, and once more in one go."""
    await start(dut)
    pair = Pair(dut, place, mapping, 0)
    for begin in range(0, len(IMAGES), GEOMETRY.contexts):
        images = IMAGES[begin : begin + GEOMETRY.contexts]
        await pair.load_images(images)
        await pair.compare_steps(PLAN["steps"])
        await pair.load_images(images)
        await pair.compare_run(PLAN["steps"])


@cocotb.test(timeout_time=deadline(1, 8, 12), timeout_unit="ns")
@cocotb.parametrize(steps=[1, 2, 10])
async def clocks_follow_the_formula(dut: Dut, steps: int) -> None:
    """Count a run's clocks, and those in which filters were computed."""
    await start(dut)
    pair = Pair(dut, 0, "none", 0)
    await pair.load_states(np.zeros((1, *GEOMETRY.spec.lattice), np.int8), 0)
    await pair.compare_run(steps)
    wanted = steps * GEOMETRY.spec.cells * GEOMETRY.slots
    for count, want in ((dut.busy, wanted), (dut.clocks, run_clocks(GEOMETRY, steps))):
        require(int(count.value) == want, f"{int(count.value)} clocks, not {want}")
