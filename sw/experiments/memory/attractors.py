"""Where falls end, decided exactly: states are finite and steps deterministic, so each run cycles.

A cycle is found when lattice and gate phase come back, seen by their digests; one more lap then
proves it, code for code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from golden.device import batches
from golden.machine import Steps

__all__ = ["Falls", "fall"]

BATCH = 250
"""Lattices that fall side by side."""


@dataclass(eq=False)
class Falls:
    """What became of n starts."""

    entry: np.ndarray
    """Step after which the cycle begins, int64 (n,); -1 where none was found by the limit."""
    period: np.ndarray
    """Length of the cycle of lattice and gate phase in steps, int64 (n,); 0 where none."""
    rest: np.ndarray
    """Whether the lattice never changes in it, bool (n,)."""
    keys: list[str]
    """A digest that names the cycle, the same for all starts that end in it; empty where none."""
    ends: np.ndarray
    """The lattice of the cycle that bears the name; the last one where there is no cycle."""
    seen: dict[int, np.ndarray]
    """States after the steps that were asked for."""


@dataclass
class Lap:
    """The lap of a cycle that proves it: where it began, and the smallest digest on it."""

    begin: int
    home: np.ndarray
    name: bytes


@dataclass
class Row:
    """One start on its way: the step of each digest, and the last lap once a cycle is closed."""

    met: dict[bytes, int] = field(default_factory=dict)
    lap: Lap | None = None


def fall(
    machine: Steps,
    starts: np.ndarray,
    *,
    limit: int,
    looks: Collection[int] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Falls:
    """Let lattices fall from step 0 until each one's cycle is found, or for ``limit`` steps.

    Parameters
    ----------
    machine
        What steps.
    starts
        States before step 1; the first axis counts them.
    limit
        Last step at which a cycle may close.
    looks
        Steps after which states are kept, from 0 to the limit; within a cycle they follow from it.
    progress
        Called with the number of starts that are decided since the last call.
    """
    count = len(starts)
    falls = Falls(
        np.full(count, -1, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, bool),
        [""] * count,
        starts.copy(),
        {look: starts.copy() for look in looks},
    )
    for batch in batches(count, BATCH):
        fall_together(machine, starts, np.arange(batch.start, batch.stop), falls, limit, progress)
    return falls


def fall_together(
    machine: Steps,
    starts: np.ndarray,
    active: np.ndarray,
    falls: Falls,
    limit: int,
    progress: Callable[[int], None],
) -> None:
    """Let the starts ``active`` fall; rows leave once they are decided."""
    rows = {int(index): Row() for index in active}
    states, step = starts[active], 0
    while True:
        stay = np.array([
            watch(machine, rows[index], index, state, step, falls, limit)
            for index, state in zip(active.tolist(), states, strict=True)
        ])
        progress(int(np.sum(~stay)))
        if not stay.any():
            return
        active, states, step = active[stay], states[stay], step + 1
        states = machine.advance(states, step)


def watch(
    machine: Steps, row: Row, index: int, state: np.ndarray, step: int, falls: Falls, limit: int
) -> bool:
    """Note one row's state after ``step``; return whether it has to go on."""
    digest = name(state, machine.phase(step))
    if row.lap is None and digest not in row.met:
        row.met[digest] = step
        falls.ends[index] = state
        if step in falls.seen:
            falls.seen[step][index] = state
        return step < limit
    if row.lap is None:  # the cycle is closed: this state was met before
        falls.entry[index], falls.period[index] = row.met[digest], step - row.met[digest]
        falls.rest[index] = True
        row.lap = Lap(step, state.copy(), digest)
    return run_lap(row.lap, index, digest, state, step, falls)


def run_lap(
    lap: Lap, index: int, digest: bytes, state: np.ndarray, step: int, falls: Falls
) -> bool:
    """Note a state of the lap that proves a cycle; return whether the lap goes on."""
    period = int(falls.period[index])
    at_home = np.array_equal(state, lap.home)
    falls.rest[index] &= at_home
    for look, kept in falls.seen.items():
        if look >= lap.begin and step == lap.begin + (look - lap.begin) % period:
            kept[index] = state
    if digest <= lap.name:
        lap.name, falls.ends[index] = digest, state
    if step < lap.begin + period:
        return True
    if not at_home:
        raise AssertionError(f"start {index}: two lattices share the digest {digest.hex()}")
    falls.keys[index] = lap.name.hex()
    return False


def name(state: np.ndarray, phase: int) -> bytes:
    """Return the digest of a lattice and a gate phase."""
    salt = phase.to_bytes(8, "little", signed=True)
    return hashlib.blake2b(state.tobytes(), digest_size=16, salt=salt).digest()
