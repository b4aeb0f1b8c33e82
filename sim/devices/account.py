"""What the clocks of a simulated system go into: its wire, its engine, the gate on the host."""

from typing import NamedTuple

__all__ = ["COUNTS", "Account", "ThinkingNetwork", "account_of"]

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

    def __sub__(self, other):
        return Account(*(a - b for a, b in zip(self, other, strict=True)))


def account_of(counts):
    """Return the account of clocks by the sum of what was at work: see sim/devices/activity.h."""
    clocks, ways = counts[: COUNTS - 2], counts[COUNTS - 2 :]
    parts = [sum(n for index, n in enumerate(clocks) if index & bit) for bit in (1, 2, 4)]
    return Account(sum(clocks), *parts, clocks[0], *(ways or (0, 0)))


class ThinkingNetwork:
    """A gate's network that takes its time on the simulated machine.

    Parameters
    ----------
    network : GateNetwork
        The network.
    machine : SimulatedWire or SimulatedDevice
        What goes on meanwhile: its `think` is called.
    clocks : callable
        Clocks that so many planes take.
    """

    def __init__(self, network, machine, clocks):
        self.network = network
        self.machine = machine
        self.clocks = clocks

    def deltas(self, planes):
        """Map planes to deltas."""
        deltas = self.network.deltas(planes)
        self.machine.think(self.clocks(len(planes)))
        return deltas
