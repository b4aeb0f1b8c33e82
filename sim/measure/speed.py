"""How fast the simulations are on this machine, and how many clocks a digit takes for each F."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from golden.device import Network, run
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from golden.speed import rate
from hw.flow.verilog import write_chip
from hw.shapes import FOLDINGS, Geometry
from sim.cocotb_run import bench_folder, run_bench
from sim.devices.device import SimulatedDevice

__all__ = ["measure"]

FILTERS = 5  # of the chip whose simulations are compared


def measure(progress: Callable[[str], None] = print) -> dict[str, Any]:
    """Count the clocks of digits exactly, and time both simulations of one chip side by side."""
    rng = np.random.default_rng(0)
    spec = Spec(gate=Gate(input_channel=0, output_channel=1, start=4))
    skeleton, gate = calibrated(spec, rng), network(spec, rng)
    images = rng.integers(0, 256, (2, spec.image, spec.image), dtype=np.uint8)
    chips = {
        filters: SimulatedDevice((skeleton,), filters=filters, progress=progress)
        for filters in FOLDINGS
    }
    fast = device_clock_rate(chips[FILTERS], images, progress)
    slow = cocotb_clock_rate(Geometry(spec=spec.ungated, filters=FILTERS), skeleton)
    return {
        "simulated_clocks_per_second": fast,
        "cocotb_clocks_per_second": slow,
        "simulated_to_cocotb": round(fast / slow, 1),
        "engine": {str(filters): clocks(chip, images, gate) for filters, chip in chips.items()},
    }


def device_clock_rate(
    chip: SimulatedDevice, images: np.ndarray, progress: Callable[[str], None]
) -> float:
    """Clocks a second of the fast device that restores digits without gate."""

    def digits() -> None:
        chip.load_images(images)
        run(chip, None, chip.skeletons[0].spec.steps)
        chip.read_images()

    before = chip.simulated_clocks
    digits()
    progress("timing both simulations")
    return rate(digits, chip.simulated_clocks - before)


def cocotb_clock_rate(geometry: Geometry, skeleton: Skeleton) -> float:
    """Clocks a second of a cocotb bench that does what the fast device did."""
    with bench_folder("speed") as folder:
        source = write_chip(geometry, (skeleton,), folder)
        run_bench(source, "speed", folder, env={"BENCH": str(folder), "FILTERS": str(FILTERS)})
        found: float = json.loads((folder / "rate.json").read_text())
        return round(found, 1)


def clocks(chip: SimulatedDevice, images: np.ndarray, gate: Network) -> dict[str, Any]:
    """Clocks and occupancy of the multipliers, ungated and gated, on one chip."""
    spec = chip.skeletons[0].spec
    results: dict[str, Any] = {}
    cases: list[tuple[str, np.ndarray, Network | None]] = [
        ("ungated", images[:1], None),
        ("gated", images, gate),
    ]
    for name, batch, answer in cases:
        chip.load_images(batch)
        run(chip, answer, spec.steps)
        counters = chip.counters()
        results |= {
            f"clocks_{name}": counters.clocks,
            f"digits_{name}": len(batch),
            f"occupancy_{name}": round(counters.busy / counters.clocks, 4),
        }
    return results
