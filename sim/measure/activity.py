"""Activity of a mapped netlist: what each net does while a digit is restored."""

import tempfile
from pathlib import Path

import numpy as np

from hw.asic.cells import net_of
from hw.asic.energy import Activity
from sim.devices.asic import AsicDevice
from sim.measure.toggles import net_toggles
from sim.proof.prove import Restorer, compare_device

__all__ = ["activity"]


def activity(device: AsicDevice, restorer: Restorer, damaged: np.ndarray) -> Activity:
    """Return what the nets do while images are loaded, restored and read.

    The device's design is a traced one. What it restores must be equal to golden.
    """
    begun = device.simulated_clocks
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digit.saif"
        with device.trace(path):
            compare_device(device, restorer, damaged, states=False)
        seen = {net_of(name): counts for name, counts in net_toggles(path).items()}
    return Activity(
        device.simulated_clocks - begun,
        {net: toggles for net, (toggles, _) in seen.items()},
        {net: ones for net, (_, ones) in seen.items()},
    )
