"""The one loop: a step of the rule, then the gate's answer where it is open.

`Loop` is this loop in any arithmetic: golden's integers here, Brevitas' values in
`sw.model.values`, the codes of training in `sw.model.step`. A device runs it in its own way,
`golden.device.run`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from golden.gate import GateNetwork
from golden.model import Model
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec

__all__ = ["Fault", "Loop", "Machine", "Steps", "find_resting", "follow"]

States = TypeVar("States")


class Steps(Protocol):
    """Anything whose states follow from one another, step by step."""

    @property
    def period(self) -> int:
        """Steps after which an unchanged lattice is treated the same way again."""

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the states after ``step``, given those before it; steps count from 1."""

    def phase(self, step: int) -> int:
        """Return what, besides the lattice after ``step``, decides how it goes on.

        Equal for two steps only if equal lattices after them have equal futures.
        """


class Loop(ABC, Generic[States]):
    """Steps of a rule, and the answer of its gate's network after those at which it is open."""

    spec: Spec
    """The automaton."""
    network: Any
    """The network of its gate; None runs the rule alone."""

    @property
    def gate(self) -> Gate | None:
        """When the gate acts; None where there is no network."""
        return None if self.network is None else self.spec.gate

    @property
    def period(self) -> int:
        """Steps after which an unchanged lattice is treated the same way again."""
        return 1 if self.gate is None else self.gate.period

    @abstractmethod
    def step(self, states: States) -> States:
        """Return the states a step of the rule on, the gate aside; a new array."""

    @abstractmethod
    def answer(self, states: States) -> Any:
        """Return the gate's deltas to states."""

    @abstractmethod
    def deliver(self, states: States, deltas: Any, step: int) -> States:
        """Return the states with the deltas of the opening after ``step`` added, maybe in place."""

    def store(self, states: States, step: int) -> States:
        """Return what a lattice memory keeps of the states written after ``step``: all of it."""
        return states

    def moments(self, states: States, step: int) -> Iterator[tuple[str, Any]]:
        """Yield what ``step`` makes of states: the step, the deltas, the states with them added.

        Each with its name; the last one is the states after ``step``.
        """
        written = self.step(states)
        stored = self.store(written, step)
        yield f"step {step}", stored
        if self.gate is not None and self.gate.is_open(step):
            deltas = self.answer(written)
            yield f"delta after step {step}", deltas
            yield f"gated step {step}", self.deliver(stored, deltas, step)

    def advance(self, states: States, step: int) -> States:
        """Return the states after ``step``, the gate's delta applied, given those before it."""
        *_, (_, after) = self.moments(states, step)
        result: States = after
        return result

    def run(self, states: States, steps: int, begin: int = 0) -> Iterator[States]:
        """Yield the states after each of so many steps, given those after step ``begin``."""
        for step in range(begin + 1, begin + steps + 1):
            states = self.advance(states, step)
            yield states

    def carry_on(self, states: States, steps: int, begin: int = 0) -> States:
        """Return the states so many steps on, given those after step ``begin``."""
        for after in self.run(states, steps, begin):
            states = after
        return states

    def phase(self, step: int) -> int:
        """Return the gate's phase after ``step``, from 0; before its first opening, a count down.

        From the step before the first opening on, openings repeat with the gate's period.
        """
        if self.gate is None:
            return 0
        since = step + 1 - self.gate.start
        return since if since < 0 else since % self.period


class Fault(Protocol):
    """A way for stored bytes to go wrong."""

    def strike(self, stored: np.ndarray, step: int) -> np.ndarray:
        """Return what the memory holds once ``stored`` was written after ``step``; 0 is a load.

        Lattices int8 (n, channels, height, width); the same for each of them wherever it is run.
        """


class Machine(Loop[np.ndarray]):
    """The int8 machine on states int8 (n, channels, height, width), every code exact.

    Parameters
    ----------
    skeleton : Skeleton
        What runs.
    network : GateNetwork or None
        Its gate; None runs without.
    fault : Fault or None
        What strikes the lattice memory after each step. A delta is added to a byte on its way out
        of the memory, so that a fault acts before it; the plane that the delta answers was sent on
        the way in, and knows nothing of the fault.
    """

    def __init__(
        self, skeleton: Skeleton, network: GateNetwork | None, fault: Fault | None = None
    ) -> None:
        self.skeleton = skeleton
        self.network = network
        self.fault = fault
        self.model = Model(skeleton)
        self.spec = skeleton.spec

    def step(self, states: np.ndarray) -> np.ndarray:
        """Return the states a step of the rule on."""
        return self.model.step(states)

    def answer(self, states: np.ndarray) -> np.ndarray:
        """Return the deltas to the planes of states: int8 (n, cells / 4)."""
        assert self.network is not None
        return self.network.deltas(self.model.planes(states))

    def deliver(self, states: np.ndarray, deltas: np.ndarray, step: int) -> np.ndarray:
        """Add deltas in place."""
        self.model.add_deltas(states, deltas, step)
        return states

    def store(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return what the fault leaves of the states."""
        return states if self.fault is None else self.fault.strike(states, step)


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


def find_resting(machine: Steps, states: np.ndarray, step: int) -> np.ndarray:
    """Return which of the states after ``step`` are exactly at rest: bool (n,).

    That is, unchanged over the gate's period of further steps.
    """
    rest, now = np.ones(len(states), bool), states
    for later in range(step + 1, step + 1 + machine.period):
        now = machine.advance(now, later)
        rest &= (now == states).reshape(len(states), -1).all(axis=1)
    return rest
