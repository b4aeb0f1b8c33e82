"""The Brevitas models in the loop of `golden.machine`, on values."""

from __future__ import annotations

from torch import Tensor

from golden.machine import Loop
from sw.model.gate import Gate, spread
from sw.model.quantisers import PIXEL_FRAC
from sw.model.rule import Rule

__all__ = ["Values"]


class Values(Loop[Tensor]):
    """A rule and its gate on states (B, channels, height, width), values of scale 2**-STATE_FRAC.

    Parameters
    ----------
    rule : Rule
        The rule that runs.
    network : Gate or None
        Its gate; None runs the rule alone.
    """

    def __init__(self, rule: Rule, network: Gate | None) -> None:
        self.rule = rule
        self.network = network
        self.spec = rule.spec

    def encode(self, images: Tensor) -> Tensor:
        """Return the lattices of pixel codes (B, image, image)."""
        states: Tensor = self.rule.lay(images[:, None] * 2.0**-PIXEL_FRAC)
        return states

    def step(self, states: Tensor) -> Tensor:
        """Return the states after one more step of the rule."""
        states = self.rule(states)
        return states

    def answer(self, states: Tensor) -> Tensor:
        """Return the deltas to the planes of states: (B, cells / 4)."""
        assert self.gate is not None and self.network is not None
        planes = states[:, self.gate.input_channel].reshape(len(states), self.spec.cells)
        deltas: Tensor = self.network(planes)
        return deltas

    def deliver(self, states: Tensor, deltas: Tensor, step: int) -> Tensor:
        """Return the states with the deltas added."""
        result: Tensor = self.rule.state(states + spread(deltas, self.spec, step))
        return result

    def readout(self, states: Tensor) -> Tensor:
        """Return the pixel codes that states show: (B, image, image)."""
        shown: Tensor = self.rule.show(states)[:, 0] * 2.0**PIXEL_FRAC
        return shown
