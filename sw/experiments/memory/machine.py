"""The machine that falls: a skeleton with its gate, or alone, on batches of lattices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from golden.gate import GateNetwork
from golden.model import Model
from golden.skeleton import Skeleton

__all__ = ["Machine", "Steps", "follow", "rested"]


class Steps(Protocol):
    """Anything whose states follow from one another, step by step."""

    period: int
    """Steps after which an unchanged lattice is treated the same way again."""

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the states after ``step``, given those before it; steps count from 1."""

    def phase(self, step: int) -> int:
        """Return what, besides the lattice after ``step``, decides how it goes on.

        Equal for two steps only if equal lattices after them have equal futures.
        """


class Machine:
    """The int8 machine on states int8 (n, channels, height, width), every code exact."""

    def __init__(self, skeleton: Skeleton, network: GateNetwork | None) -> None:
        self.skeleton = skeleton
        self.network = network
        self.model = Model(skeleton)
        self.spec = skeleton.spec
        self.gate = None if network is None else skeleton.spec.gate
        self.period = 1 if self.gate is None else self.gate.period

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the states after ``step``, the gate's delta applied, given those before it."""
        states = self.model.step(states)
        if self.gate is not None and self.network is not None and self.gate.is_open(step):
            deltas = self.network.deltas(self.model.planes(states))
            self.model.add_deltas(states, deltas, step)
        return states

    def phase(self, step: int) -> int:
        """Return the gate's phase after ``step``, from 0; before its first opening, a count down.

        From the step before the first opening on, openings repeat with the gate's period.
        """
        if self.gate is None:
            return 0
        since = step + 1 - self.gate.start
        return since if since < 0 else since % self.period


def follow(
    machine: Steps, states: np.ndarray, step: int, looks: Iterable[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Run the states after ``step`` on, and yield each step of ``looks`` with the states after it.

    A lattice that stayed unchanged for a whole period of the gate never changes again, so it is not
    run on.
    """
    wanted = sorted(set(looks))
    states, still = states.copy(), np.zeros(len(states), int)
    for now in range(step, wanted[-1] + 1):
        moving = np.flatnonzero(still < machine.period)
        if now > step and len(moving):
            before = states[moving]
            after = machine.advance(before, now)
            same = (after == before).reshape(len(moving), -1).all(axis=1)
            # Unchanged steps count from where the phases repeat.
            still[moving] = np.where(same & (machine.phase(now - 1) >= 0), still[moving] + 1, 0)
            states[moving] = after
        if now in wanted:
            yield now, states.copy()


def rested(machine: Steps, states: np.ndarray, step: int) -> np.ndarray:
    """Return which of the states after ``step`` are exactly at rest: bool (n,).

    That is, unchanged over the gate's period of further steps.
    """
    rest, now = np.ones(len(states), bool), states
    for later in range(step + 1, step + 1 + machine.period):
        now = machine.advance(now, later)
        rest &= (now == states).reshape(len(states), -1).all(axis=1)
    return rest
