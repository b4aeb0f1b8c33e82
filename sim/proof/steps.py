"""The first step in which a device and golden differ."""

import numpy as np

from golden.compare import require_equal
from golden.device import Device, GoldenDevice, Network, batches, run
from golden.skeleton import Skeleton

__all__ = ["first_difference"]


def first_difference(
    chip: Device,
    skeleton: Skeleton,
    network: Network | None,
    images: np.ndarray,
    steps: int,
    first: int = 0,
) -> None:
    """Restore images step by step on a device and on golden; raise where they differ first.

    Takes long: every lattice is read after every step. Does nothing where no code differs.

    Parameters
    ----------
    chip : Device
        The device; ``skeleton`` is its first.
    skeleton, network : Skeleton, GateNetwork or None
        What runs.
    images : np.ndarray
        Damaged images, uint8 (n, image, image).
    steps : int
        Steps of the run.
    first : int
        Number of the first image.

    Raises
    ------
    Difference
        Names the image, the step, the channel and the cell.
    """
    golden = GoldenDevice((skeleton,))
    devices: tuple[Device, Device] = (chip, golden)
    for device in devices:
        device.choose(0)
    for batch in batches(len(images), chip.contexts):
        for device in devices:
            device.load_images(images[batch])
        for step in range(steps + 1):
            if step:
                for device in devices:
                    run(device, network, 1)
            found, want = (np.asarray(device.read_states()) for device in devices)
            require_equal(found, want, f"image {{}}, step {step}", first=first + batch.start)
        found, want = (device.read_images() for device in devices)
        require_equal(found, want, "image {}", first=first + batch.start)
