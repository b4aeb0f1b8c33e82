"""What the clocks of a simulated system go into: its wire, its engine, the gate on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from golden.device import Network

__all__ = ["COUNTS", "Account", "Machine", "ThinkingNetwork", "account_of"]

COUNTS = 8 + 2
"""Clocks by what was at work, then bytes each way."""


class Account(NamedTuple):
    """Clocks and bytes of a span of time.

    `wire`, `engine` and `gate` are the clocks in which each was at work, with or without others.
    """

    clocks: int
    wire: int
    engine: int
    gate: int
    idle: int
    """Clocks in which none of the three was at work."""
    to_chip: int
    """Bytes."""
    from_chip: int

    def __sub__(self, other: Account) -> Account:
        return Account._make(a - b for a, b in zip(self, other, strict=True))


def account_of(counts: Sequence[int]) -> Account:
    """Return the account of clocks by the sum of what was at work: see sim/devices/activity.h."""
    clocks, ways = counts[: COUNTS - 2], counts[COUNTS - 2 :]
    wire, engine, gate = (
        sum(n for index, n in enumerate(clocks) if index & bit) for bit in (1, 2, 4)
    )
    to_chip, from_chip = ways or (0, 0)
    return Account(sum(clocks), wire, engine, gate, clocks[0], to_chip, from_chip)


class Machine(Protocol):
    """A simulated machine whose clocks can pass while the host works."""

    def think(self, clocks: int) -> None:
        """Let clocks pass in which the host works on a gate."""

    def account(self) -> Account:
        """Return what all clocks so far went into."""


class ThinkingNetwork:
    """A gate's network that takes its time on the simulated machine.

    Parameters
    ----------
    network : Network
        The network.
    machine : Machine
        What goes on meanwhile: its `think` is called.
    clocks : callable
        Clocks that so many planes take.
    """

    def __init__(self, network: Network, machine: Machine, clocks: Callable[[int], int]) -> None:
        self.network = network
        self.machine = machine
        self.clocks = clocks

    def deltas(self, planes: np.ndarray) -> np.ndarray:
        """Map planes to deltas."""
        deltas = self.network.deltas(planes)
        self.machine.think(self.clocks(len(planes)))
        return deltas
