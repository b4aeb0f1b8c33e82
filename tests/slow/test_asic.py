"""A small chip for standard cells, from whatever its registers power up with, against golden."""

import numpy as np
import pytest

from golden.device import GoldenDevice, run
from golden.errors import ToolError
from sim.devices.asic import AsicDesign, AsicDevice, chip_of
from sim.devices.chip import Chip

STEPS = 3


def states(device, images):
    """Return what a device makes of images: the lattices in the end, and what they show."""
    device.load_images(images)
    run(device, None, STEPS)
    return device.read_states().tolist(), device.read_images().tolist()


@pytest.fixture(scope="module")
def chip():
    return chip_of("small")


@pytest.fixture(scope="module")
def images(chip):
    size = chip.geometry.spec.image
    return np.random.default_rng(0).integers(0, 256, (1, size, size)).astype(np.uint8)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_computes_golden_codes_from_random_power_up(chip, images, seed):
    device = AsicDevice(AsicDesign(chip), seed=seed)
    assert states(device, images) == states(GoldenDevice(chip.skeletons), images)


def test_is_not_to_be_used_before_its_reset(chip, monkeypatch):
    monkeypatch.setattr(Chip, "reset", lambda chip: None)
    design = AsicDesign(chip)
    found = [works(design, seed) for seed in range(4)]
    assert not all(found)


def works(design, seed):
    """Whether a chip finds its skeleton sound in time."""
    try:
        return not AsicDevice(design, seed=seed, limit=1 << 15).damaged
    except ToolError:
        return False
