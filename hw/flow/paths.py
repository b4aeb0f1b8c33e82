"""The slowest paths of a placement, found in the delays that nextpnr writes (SDF, IEEE 1497)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["SlowPath", "slowest_paths"]

DELAY = r"\((?:-?\d+:){2}(-?\d+)\)"  # least, typical, most
WIRE = re.compile(rf"\(INTERCONNECT (\S+)/(\w+) (\S+)/(\w+) {DELAY} {DELAY}\)")
INSTANCE = re.compile(r"\(INSTANCE (\S+)\)")
THROUGH = re.compile(rf"\(IOPATH (\w+) (\w+) {DELAY} {DELAY}\)")
SETUP = re.compile(rf"\(SETUPHOLD \(\w+ (\w+)\) \(posedge (\w+)\) {DELAY}")

Port = tuple[str, str]
"""Names of a cell and of its port."""


class SlowPath(NamedTuple):
    """A path between two cells that have registers; both may be the same."""

    ns: float
    """Delay in nanoseconds, from clock to output and set-up time included."""

    source: str
    target: str


class Delays:
    """The delays of a placement, each the longest of its corners, in picoseconds."""

    def __init__(self, lines: Iterable[str]):
        self.wires: dict[Port, tuple[Port, int]] = {}
        """The output that drives an input, and the wire's delay."""
        self.through: dict[Port, dict[str, int]] = defaultdict(dict)
        """Delay to an output from each input of its cell."""
        self.setups: dict[Port, tuple[str, int]] = {}
        """Clock input for an input that is registered, and its set-up time."""
        cell = ""
        for line in lines:
            if found := WIRE.search(line):
                driver, output, sink, input, *delays = found.groups()
                self.wires[sink, input] = (driver, output), max(map(int, delays))
            elif found := INSTANCE.search(line):
                cell = found[1].replace("\\", "")
            elif found := THROUGH.search(line):
                input, output, *delays = found.groups()
                self.through[cell, output][input] = max(map(int, delays))
            elif found := SETUP.search(line):
                input, clock, setup = found.groups()
                self.setups[cell, input] = clock, int(setup)  # both edges have the same

    def driver(self, cell: str, input: str) -> str | None:
        """Return the cell that drives an input; None where none does."""
        return self.wires[cell, input][0][0] if (cell, input) in self.wires else None


def slowest_paths(sdf: Path, clock: str, count: int) -> list[SlowPath]:
    """Return the slowest paths between registers of a clock, one for each cell that they end in.

    ``clock`` is the name of the cell that drives the clock.
    """
    with sdf.open() as lines:
        delays = Delays(line.replace("\\", "") for line in lines)
    arrival = arrivals(delays, clock)
    slowest: dict[str, SlowPath] = {}
    for (cell, input), (pin, setup) in delays.setups.items():
        if delays.driver(cell, pin) != clock or (cell, input) not in delays.wires:
            continue
        driver, wire = delays.wires[cell, input]
        ps, source = arrival(driver)
        path = SlowPath((ps + wire + setup) / 1000, source, cell)
        if source:
            slowest[cell] = max(slowest.get(cell, path), path)
    return sorted(slowest.values(), reverse=True)[:count]


def arrivals(delays: Delays, clock: str) -> Callable[[Port], tuple[int, str]]:
    """Return the function that tells when an output is settled, and from which register's change.

    The register's name is empty for an output that no register of ``clock`` changes.
    """
    clocks = {delays.driver(cell, pin) for (cell, _), (pin, _) in delays.setups.items()}

    @cache
    def arrival(output: Port) -> tuple[int, str]:
        latest = (0, "")
        for input, delay in delays.through[output].items():
            driver = delays.driver(output[0], input)
            if driver == clock:
                latest = max(latest, (delay, output[0]))
            elif driver is not None and driver not in clocks:
                before, wire = delays.wires[output[0], input]
                ps, source = arrival(before)
                if source:
                    latest = max(latest, (ps + wire + delay, source))
        return latest

    return arrival
