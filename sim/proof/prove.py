"""Golden against the fast simulated device, whole digits, on all cores."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

import numpy as np

from golden.compare import require_equal
from golden.device import Device, GoldenDevice, batches, run
from golden.errors import Difference, InputError
from sim.devices.device import SimulatedDevice
from sim.proof.steps import Restorer, first_difference
from sim.proof.workers import in_processes

__all__ = ["Proof", "Restorer", "compare_device", "prove"]

CHUNK = 4  # images that a core takes at a time


@dataclass(frozen=True)
class Proof:
    """What was compared, every code of it equal."""

    images: int
    codes: int
    """Codes of final lattices and restored images."""
    clocks: int
    """Clocks simulated."""


def prove(
    restorer: Restorer,
    images: np.ndarray,
    *,
    filters: int = 5,
    stall: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Proof:
    """Restore images on the simulated chip and the golden model; every code must be equal.

    Compared are the lattice in the end, all channels of it, and the restored image; one code that
    differs on the way is very unlikely not to reach them, and the cocotb benches look at each step.

    Parameters
    ----------
    restorer
        What restores them.
    images
        Damaged images, uint8 (n, image, image).
    filters, stall
        Of the simulated chip.
    progress
        Called with the number of images done since the last call.

    Raises
    ------
    Difference
        Names the first image, step, channel and cell that differ.
    """
    # Builds its library once, not once a core.
    SimulatedDevice((restorer.skeleton,), filters=filters)
    codes = clocks = 0
    workers = min(os.cpu_count() or 1, -(-len(images) // CHUNK))
    jobs = [
        (images[chunk], chunk.start, restorer, filters, stall)
        for chunk in batches(len(images), CHUNK)
    ]
    with closing(in_processes(compare, jobs, workers)) as chunks:
        for done, compared, simulated in chunks:
            codes, clocks = codes + compared, clocks + simulated
            progress(done)
    return Proof(len(images), codes, clocks)


def compare(
    images: np.ndarray, first: int, restorer: Restorer, filters: int, stall: int
) -> tuple[int, int, int]:
    """Compare one chunk of images; return their number, the codes compared, the clocks."""
    import torch

    torch.set_num_threads(1)
    chip = SimulatedDevice((restorer.skeleton,), filters=filters, stall=stall, seed=first)
    codes = compare_device(chip, restorer, images, first=first)
    return len(images), codes, chip.simulated_clocks


def compare_device(
    chip: Device,
    restorer: Restorer,
    images: np.ndarray,
    *,
    first: int = 0,
    states: bool = True,
    progress: Callable[[int], None] = lambda done: None,
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Restore images on a device, whose first skeleton it is, and on the golden one.

    Compared are the planes of every opening, the restored image and, unless that takes too long,
    the lattice in the end. Returns the number of codes; raises as `prove` does, once ``say`` was
    called with what differs, since the first step is then looked for. Images count from ``first``.
    """
    golden = GoldenDevice((restorer.skeleton,))
    codes = 0
    for batch in batches(len(images), chip.contexts):
        part, begin = images[batch], first + batch.start
        want, found = (restore(device, restorer, part, states) for device in (golden, chip))
        try:
            for kind, wanted in want.items():
                codes += require_equal(found[kind], wanted, "image {}", first=begin, kind=kind)
        except Difference as difference:
            say(f"{difference}; looking for the first step that differs")
            with suppress(InputError):  # what was read at first is then all that there is to tell
                first_difference(chip, restorer, part, first=begin)
            raise
        progress(len(part))
    return codes


def restore(
    device: Device, restorer: Restorer, images: np.ndarray, states: bool
) -> dict[str, np.ndarray]:
    """Restore a batch; return what is compared, each kind by its name, in the order of the run."""
    device.choose(0)
    device.load_images(images)
    watched = Watched(device, len(images))
    run(watched, restorer.network, restorer.steps)
    found = {"planes": np.array(watched.seen, np.int8)}
    if states:
        found["states"] = device.read_states()
    return found | {"images": device.read_images()}


class Watched:
    """A device for a run that keeps the planes of each lattice."""

    def __init__(self, device: Device, count: int) -> None:
        self.start = device.start
        self.write_deltas = device.write_deltas
        self.seen: list[list[np.ndarray]] = [[] for _ in range(count)]
        self._device = device

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what the device gives, and keep it."""
        indices, planes = self._device.planes()
        for index, plane in zip(indices.tolist(), planes, strict=True):
            self.seen[index].append(plane.copy())
        return indices, planes
