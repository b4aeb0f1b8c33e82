"""Faults of a lattice memory: what becomes of the bytes that are stored after each step.

A delta is added to a byte on its way out of the memory, so that a fault acts before it; the plane
that the delta answers was sent on the way in, and knows nothing of the fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from golden.device import Device, run
from golden.gate import GateNetwork
from golden.machine import Fault

__all__ = [
    "DeadRows",
    "Flips",
    "MemoryDevice",
    "StuckChannel",
    "run_faulty",
]


@dataclass(frozen=True)
class Flips:
    """Each stored bit flips with a chance of ``rate`` after each step."""

    rate: float
    indices: range
    """Position of each lattice, which with the step seeds its flips."""

    def strike(self, stored: np.ndarray, step: int) -> np.ndarray:
        """Flip bits."""
        struck = stored.copy()
        for index, lattice in zip(self.indices, struck, strict=True):
            rng = np.random.default_rng([index, step])
            count = rng.binomial(8 * lattice.size, self.rate)
            bits = rng.choice(8 * lattice.size, count, replace=False, shuffle=False)
            masks = (1 << bits % 8).astype(np.uint8).view(np.int8)
            np.bitwise_xor.at(lattice.reshape(-1), bits // 8, masks)
        return struck


@dataclass(frozen=True)
class StuckChannel:
    """One channel of every cell always holds ``code``."""

    channel: int
    code: int = 0

    def strike(self, stored: np.ndarray, step: int) -> np.ndarray:
        """Overwrite the channel."""
        struck = stored.copy()
        struck[:, self.channel] = self.code
        return struck


@dataclass(frozen=True)
class DeadRows:
    """Some rows of cells always hold 0."""

    rows: tuple[int, ...]

    def strike(self, stored: np.ndarray, step: int) -> np.ndarray:
        """Clear the rows."""
        struck = stored.copy()
        struck[:, :, list(self.rows)] = 0
        return struck


class MemoryDevice(Device, Protocol):
    """A device whose lattice memories can be reached while it rests."""

    def stored_states(self) -> np.ndarray:
        """Return the codes in memory, pending deltas aside."""

    def store_states(self, states: np.ndarray) -> None:
        """Replace the codes in memory; a pending delta stays pending."""


def run_faulty(
    device: MemoryDevice, network: GateNetwork | None, fault: Fault, states: np.ndarray, steps: int
) -> np.ndarray:
    """Run lattices on a device, striking its memory after each step; return all states.

    A step reads each byte once and writes it once, after that read: to strike all bytes between two
    steps is to strike each as it is written.

    Returns
    -------
    np.ndarray
        States after steps 1 to ``steps``, int8 (steps, n, channels, height, width).
    """
    device.load_states(fault.strike(states, 0), 0)
    seen = []
    for step in range(1, steps + 1):
        run(device, network, 1)
        device.store_states(fault.strike(device.stored_states(), step))
        seen.append(device.read_states())
    return np.stack(seen)
