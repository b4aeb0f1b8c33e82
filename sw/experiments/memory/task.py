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
from golden.machine import Machine
from golden.skeleton import Skeleton
from sw.data.damage import blank
from sw.judge.evaluate import Judged
from sw.judge.metrics import psnr, squared_errors
from sw.judge.referee import Referee
from sw.judge.referee.second import second_referee

__all__ = [
    "Arrays",
    "Bar",
    "Outcome",
    "Results",
    "Task",
    "at_least",
    "at_most",
    "percent",
    "scores",
]

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


Arrays = dict[str, np.ndarray]


def anew(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Keep nothing."""
    return make()


def codes_of(network: GateNetwork | None) -> list[np.ndarray]:
    """Return the integers of a gate's network; none where there is none."""
    layers = () if network is None else (network.hidden, network.output)
    return [codes for each in layers for codes in (each.weight, each.bias, each.shift)]


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
    chip: Callable[..., Device] | None = None
    """Opens a chip with some skeletons, that has to give the same codes; None leaves it out."""
    toggles: Callable[..., dict[str, int]] | None = None
    """Counts the toggles of a run on a chip: skeleton, network, lattice, step, steps; or None."""
    chip_digest: str | None = None
    """Of the Verilog that the chip is made of; goes with ``chip`` and ``toggles``."""
    keep: Callable[[str, Callable[[], Arrays]], Arrays] = anew
    """Returns what was made under a key before, or has it made."""
    progress: Progress = silent

    @cached_property
    def machine(self) -> Machine:
        """The skeleton with its gate."""
        return Machine(self.skeleton, self.network)

    @cached_property
    def referee(self) -> Referee:
        """Who reads what lattices show."""
        return Referee.load()

    @cached_property
    def second_referee(self) -> Referee:
        """Who reads what noise has become, beside the referee."""
        return second_referee()

    @property
    def gated(self) -> GateNetwork:
        """The gate's network, for experiments that need one."""
        assert self.network is not None, "choose_experiments asks for it"
        return self.network

    def identity(self, *, letters: bool) -> list[Any]:
        """Return what decides results on this task, for `sw.experiments.kept.key_of`.

        Letters and the other gates are part of it where ``letters`` says so.
        """
        found: list[Any] = [self.skeleton.digest, self.skeleton.spec.to_json()]
        found += [codes_of(self.network), self.digits, self.noise, self.seed]
        found += [self.chip is not None, self.toggles is not None, self.chip_digest]
        if letters:
            found += [self.letters, {name: codes_of(gate) for name, gate in self.gates.items()}]
        return found

    def encoded(self, part: slice) -> np.ndarray:
        """Return the lattices of the blanked digits of ``part`` after step 0."""
        images = self.digits.images[part]
        damaged = blank(images, range(part.start, part.start + len(images)))
        return self.machine.model.encode(damaged)

    def judge(self, shown: np.ndarray, part: slice) -> np.ndarray:
        """Judge what the digits of ``part`` have become, uint8 (n, 28, 28).

        Returns the squared error of each, and 1 where it is read right: float64 (n, 2).
        """
        assert self.digits.labels is not None
        read, _ = self.referee.read(shown)
        errors = squared_errors(shown, self.digits.images[part])
        return np.stack([errors, read == self.digits.labels[part]], axis=1)


Results = Mapping[str, Any]
"""What an experiment measured, as JSON values."""


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
    measured = round(float(measured), 3)  # as precise as what it is made of
    return Bar(name, f"at least {bar:g}{unit}", f"{measured:g}{unit}", measured >= bar)


def at_most(name: str, measured: float, bar: float, unit: str = "") -> Bar:
    """Return a bar that is cleared from ``bar`` downwards."""
    measured = round(float(measured), 3)
    return Bar(name, f"at most {bar:g}{unit}", f"{measured:g}{unit}", measured <= bar)


def scores(judged: np.ndarray) -> dict[str, float]:
    """Return PSNR both ways in dB, and the share of digits read right in %, of (n, 2) judged."""
    errors, right = judged.T
    decibels = psnr(errors).mean(), psnr(errors.mean())
    return {
        "psnr_mean": round(float(decibels[0]), 3),
        "psnr_of_mean": round(float(decibels[1]), 3),
        "digit_id": percent(right),
    }


def percent(rows: np.ndarray | Iterable[bool]) -> float:
    """Return the share of rows that are true in %."""
    return round(100 * float(np.mean(np.asarray(rows))), 2)
