"""The first step in which a device and golden differ."""

from dataclasses import dataclass

import numpy as np

from golden.compare import require_equal
from golden.device import Device, GoldenDevice, Network, batches, run
from golden.skeleton import Skeleton

__all__ = ["Restorer", "first_difference"]


@dataclass(frozen=True)
class Restorer:
    """What restores images, on any device."""

    skeleton: Skeleton
    network: Network | None
    """The network of its gate; None runs without."""
    steps: int
    """Steps of the run."""


def first_difference(chip: Device, restorer: Restorer, images: np.ndarray, first: int = 0) -> None:
    """Restore images step by step on a device and on golden; raise where they differ first.

    Takes long: every lattice is read after every step. Does nothing where no code differs.

    Parameters
    ----------
    chip : Device
        The device; the restorer's skeleton is its first.
    restorer : Restorer
        What runs.
    images : np.ndarray
        Damaged images, uint8 (n, image, image).
    first : int
        Number of the first image.

    Raises
    ------
    Difference
        Names the image, the step, the channel and the cell.
    """
    golden = GoldenDevice((restorer.skeleton,))
    devices: tuple[Device, Device] = (chip, golden)
    for device in devices:
        device.choose(0)
    for batch in batches(len(images), chip.contexts):
        for device in devices:
            device.load_images(images[batch])
        for step in range(restorer.steps + 1):
            if step:
                for device in devices:
                    run(device, restorer.network, 1)
            found, want = (np.asarray(device.read_states()) for device in devices)
            require_equal(found, want, f"image {{}}, step {step}", first=first + batch.start)
        found, want = (device.read_images() for device in devices)
        require_equal(found, want, "image {}", first=first + batch.start)
