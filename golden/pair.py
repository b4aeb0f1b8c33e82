"""A pair of machines: one restores, the other holds what was restored."""

from __future__ import annotations

import numpy as np

from golden.errors import InputError
from golden.machine import Machine

__all__ = ["Pair"]


class Pair:
    """Run one machine for the steps of its run, and then another on the image that it shows.

    Steps count on over both: with ten steps of the first, step 11 is the second one's step 1. A
    chip does the same with two of its skeletons: the host reads the image, chooses the other
    skeleton, and loads the image.

    Parameters
    ----------
    first, second : Machine
        Which restores and which holds; `InputError` is raised unless images and lattices are alike.
    """

    def __init__(self, first: Machine, second: Machine) -> None:
        for name in ("image", "lattice"):
            ours, theirs = getattr(first.spec, name), getattr(second.spec, name)
            if ours != theirs:
                raise InputError(f"A pair must have one spec.{name}, not {ours} and {theirs}")
        self.first = first
        self.second = second
        self.spec = second.spec
        self.change = first.spec.steps
        """The first machine's last step."""

    @property
    def period(self) -> int:
        """Steps after which an unchanged lattice is treated the same way again."""
        return self.second.period

    def phase(self, step: int) -> int:
        """Return what decides the next steps: below 0 until the second machine runs."""
        if step <= self.change:
            return self.second.phase(0) - 1 - (self.change - step)
        return self.second.phase(step - self.change)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the lattices after step 0: int8 (n, channels, height, width)."""
        return self.first.model.encode(images)

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the lattices after ``step``, given those before it; steps count from 1."""
        if step <= self.change:
            return self.first.advance(states, step)
        if step == self.change + 1:
            states = self.second.model.encode(self.readout(states, self.change))
        return self.second.advance(states, step - self.change)

    def readout(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return what the lattices after ``step`` show: uint8 (n, image, image)."""
        machine = self.first if step <= self.change else self.second
        return machine.model.readout(states)
