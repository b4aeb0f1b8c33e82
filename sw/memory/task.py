"""What an experiment is given, what it hands back, and the bars it has to clear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from golden.device import Device
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.damage import blank
from sw.evaluate import Judged, score
from sw.memory.machine import Machine
from sw.referee import Referee

__all__ = ["Bar", "Outcome", "Task", "at_least", "at_most", "percent"]

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def silent(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show no progress."""
    yield lambda done: None


@dataclass(frozen=True, eq=False)
class Task:
    """One machine to look at, and how much of everything."""

    skeleton: Skeleton
    network: GateNetwork | None
    digits: Judged
    """Digits to restore, in order: the position of each is its mask index."""
    letters: Judged | None = None
    """Letters to restore, where there are any; their masks likewise."""
    gates: Mapping[str, GateNetwork] = field(default_factory=dict)
    """Other gates of the same skeleton, by name."""
    noise: int = 100
    """Starts from pure noise."""
    seed: int = 0
    chip: Callable[[Skeleton], Device] | None = None
    """Opens a chip that has to give the same codes; None leaves it out."""
    toggles: Callable[..., dict[str, int]] | None = None
    """Counts the toggles of a run on a chip: skeleton, network, lattice, step, steps; or None."""
    progress: Progress = silent

    @cached_property
    def machine(self) -> Machine:
        """The skeleton with its gate."""
        return Machine(self.skeleton, self.network)

    @cached_property
    def referee(self) -> Referee:
        """Who reads what lattices show."""
        return Referee.load()

    @property
    def gated(self) -> GateNetwork:
        """The gate's network, for experiments that need one."""
        assert self.network is not None, "run.chosen asks for it"
        return self.network

    def encoded(self, part: slice) -> np.ndarray:
        """Return the lattices of the blanked digits of ``part`` after step 0."""
        images = self.digits.images[part]
        damaged = blank(images, range(part.start, part.start + len(images)))
        return self.machine.model.encode(damaged)

    def scores(self, shown: np.ndarray) -> dict[str, float]:
        """Judge what the first digits' lattices show, uint8 (n, 28, 28)."""
        count = len(shown)
        return score(self.referee, shown, self.digits.images[:count], self.digits.labels[:count])


class Outcome(NamedTuple):
    """What an experiment measured."""

    results: dict[str, Any]
    """JSON values."""
    arrays: dict[str, np.ndarray]
    """What the figure needs besides."""


class Bar(NamedTuple):
    """A figure to reach."""

    name: str
    bar: str
    measured: str
    met: bool


def at_least(name: str, measured: float, bar: float, unit: str = "") -> Bar:
    """Return a bar that is cleared from ``bar`` upwards."""
    return Bar(
        name, f"at least {bar:g}{unit}", f"{round(measured, 2):g}{unit}", bool(measured >= bar)
    )


def at_most(name: str, measured: float, bar: float, unit: str = "") -> Bar:
    """Return a bar that is cleared from ``bar`` downwards."""
    return Bar(
        name, f"at most {bar:g}{unit}", f"{round(measured, 2):g}{unit}", bool(measured <= bar)
    )


def percent(rows: np.ndarray | Iterable[bool]) -> float:
    """Return the share of rows that are true in %."""
    return round(100 * float(np.mean(np.asarray(rows))), 2)
