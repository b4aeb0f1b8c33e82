"""The loop of the automaton: a step of the rule, then the gate's answer if the gate is open.

`Loop` serves several arithmetics: golden's integers here, Brevitas' values in `sw.model.values`,
the codes of training in `sw.model.step`. On a device, the chip runs the loop: `golden.device.run`.
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
    """Anything that computes the states after a step from those before it."""

    @property
    def period(self) -> int:
        """Steps after which an unchanged lattice is treated the same way again."""

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the states after ``step``, given those before it; steps count from 1."""

    def phase(self, step: int) -> int:
        """Return a number for what decides the next steps besides the lattice after ``step``.

        If it is equal for two steps, equal lattices after these steps stay equal.
        """


class Loop(ABC, Generic[States]):
    """The loop: steps of a rule, and the answers of the gate's network after its openings."""

    spec: Spec
    """The automaton."""
    network: Any
    """The network of the gate; None runs the rule alone."""

    @property
    def gate(self) -> Gate | None:
        """When the gate acts; None if there is no network."""
        return None if self.network is None else self.spec.gate

    @property
    def period(self) -> int:
        """Steps after which an unchanged lattice is treated the same way again."""
        return 1 if self.gate is None else self.gate.period

    @abstractmethod
    def step(self, states: States) -> States:
        """Return the states after one more step of the rule, without the gate, as a new array."""

    @abstractmethod
    def answer(self, states: States) -> Any:
        """Return the gate's deltas to states."""

    @abstractmethod
    def deliver(self, states: States, deltas: Any, step: int) -> States:
        """Return the states with the deltas of the opening after ``step`` added, maybe in place."""

    def store(self, states: States, step: int) -> States:
        """Return what a lattice memory holds after these states are written: the same states."""
        return states

    def moments(self, states: States, step: int) -> Iterator[tuple[str, Any]]:
        """Yield the results of ``step``, each with a name.

        They are the states after the rule and, if the gate is open, the deltas and the states with
        the deltas added. The last are the states after ``step``.
        """
        written = self.step(states)
        stored = self.store(written, step)
        yield f"step {step}", stored
        if self.gate is not None and self.gate.is_open(step):
            deltas = self.answer(written)
            yield f"delta after step {step}", deltas
            yield f"gated step {step}", self.deliver(stored, deltas, step)

    def advance(self, states: States, step: int) -> States:
        """Return the states after ``step``, deltas applied, from the states before it."""
        *_, (_, after) = self.moments(states, step)
        result: States = after
        return result

    def run(self, states: States, steps: int, begin: int = 0) -> Iterator[States]:
        """Yield the states after each of ``steps`` steps, from the states after step ``begin``."""
        for step in range(begin + 1, begin + steps + 1):
            states = self.advance(states, step)
            yield states

    def carry_on(self, states: States, steps: int, begin: int = 0) -> States:
        """Return the states ``steps`` steps later, from the states after step ``begin``."""
        for after in self.run(states, steps, begin):
            states = after
        return states

    def phase(self, step: int) -> int:
        """Return the gate's phase after ``step``: from 0 to the period, less 1.

        Openings repeat with the gate's period from the step before the first opening on. For
        earlier steps, it is a negative number: minus the steps that remain until then.
        """
        if self.gate is None:
            return 0
        since = step + 1 - self.gate.start
        return since if since < 0 else since % self.period


class Fault(Protocol):
    """A fault of the lattice memory."""

    def strike(self, stored: np.ndarray, step: int) -> np.ndarray:
        """Return what the memory holds after ``stored`` was written at the end of ``step``.

        Step 0 is a load. Lattices are int8 (n, channels, height, width); the fault of each does not
        depend on the others of the batch.
        """


class Machine(Loop[np.ndarray]):
    """The int8 machine, every code exact; states are int8 (n, channels, height, width).

    Parameters
    ----------
    skeleton : Skeleton
        The skeleton that runs.
    network : GateNetwork or None
        The network of its gate; None runs the rule alone.
    fault : Fault or None
        Fault of the lattice memory after each step. As on the chip, the gate reads the codes on
        their way into the memory, before the fault; deltas are added on the way out, after it.
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
        """Return the states after one more step of the rule."""
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
        """Return the states with the fault applied."""
        return states if self.fault is None else self.fault.strike(states, step)


def follow(
    machine: Steps, states: np.ndarray, step: int, looks: Iterable[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Continue from the states after ``step``; yield each step of ``looks`` and its states.

    A lattice that stays unchanged over a whole period of the gate never changes again, so no more
    steps are computed for it.
    """
    wanted = sorted(set(looks))
    states, still = states.copy(), np.zeros(len(states), int)
    for now in range(step, wanted[-1] + 1):
        moving = np.flatnonzero(still < machine.period)
        if now > step and len(moving):
            before = states[moving]
            after = machine.advance(before, now)
            same = (after == before).reshape(len(moving), -1).all(axis=1)
            # Unchanged steps count only where the phases repeat.
            still[moving] = np.where(same & (machine.phase(now - 1) >= 0), still[moving] + 1, 0)
            states[moving] = after
        if now in wanted:
            yield now, states.copy()


def find_resting(machine: Steps, states: np.ndarray, step: int) -> np.ndarray:
    """Return which of the states after ``step`` are exactly at rest: bool (n,).

    A state is at rest if it stays unchanged over one more period of the gate.
    """
    rest, now = np.ones(len(states), bool), states
    for later in range(step + 1, step + 1 + machine.period):
        now = machine.advance(now, later)
        rest &= (now == states).reshape(len(states), -1).all(axis=1)
    return rest
