"""Restoring an INPUT on a device: what `thalweg restore` does, as one function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from golden.device import Device, batches, run
from golden.gate import GateNetwork
from sw.data.damage import blank
from sw.data.protocol import SHARE
from sw.report.pictures import steps_to_show
from sw.restore.images import Images, Lattices

__all__ = ["SHEET", "Restoration", "restore_input"]

SHEET = 10
"""Digits on the contact sheet, looked at now and then to see how they fall into place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Restoration:
    """An INPUT, what became of it, and how."""

    given: Images | Lattices
    damage: float
    damaged: np.ndarray | None
    """Images as the device got them, uint8 (n, h, w); None when it got lattices."""
    restored: np.ndarray
    """Uint8 (n, h, w)."""
    frames: dict[int, np.ndarray]
    """What the first few lattices showed after some steps, uint8 (k, h, w), by step count."""
    states: np.ndarray | None
    """Every state of a traced run, int8 (n, steps + 1, channels, height, width)."""
    steps: int
    from_step: int
    """Step count at which the run began."""
    seconds: float

    @property
    def original(self) -> np.ndarray | None:
        """Images before the damage; None where the INPUT may have come damaged already."""
        if isinstance(self.given, Lattices):
            return None
        return self.given.images if self.damage > 0 or self.given.labels is not None else None


def restore_input(
    device: Device,
    network: GateNetwork | None,
    given: Images | Lattices,
    *,
    steps: int,
    damage: float = SHARE,
    traced: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Restoration:
    """Damage images and restore them, or run raw lattices on; device and skeleton are chosen.

    Parameters
    ----------
    device, network
        The device, with the skeleton of this run chosen, and the network of its gate or None.
    given
        Images or raw lattices.
    steps
        Steps of the run.
    damage
        Share of each image's pixels that is blanked first; lattices stay as they are.
    traced
        Whether every state of every lattice is kept, not only of the few for the contact sheet.
    progress
        Called with the number of digits done since the last call.
    """
    begin = time.monotonic()
    items, damaged = prepare_input(given, damage)
    from_step = given.step if isinstance(given, Lattices) else 0
    few = min(len(items), SHEET)
    # The encoded image would only show the damaged one again.
    looks = steps_to_show(range(0 if damaged is None else 1, steps))
    parts = []
    for batch in (*batches(few, device.contexts), *batches(len(items), device.contexts, few)):
        if damaged is None:
            device.load_states(items[batch], from_step)
        else:
            device.load_images(items[batch])
        parts.append(watch(device, network, steps, looks if batch.start < few else [], traced))
        progress(batch.stop - batch.start)
    frames = zip(*(part.frames for part in parts if part.frames), strict=True)
    return Restoration(
        given=given,
        damage=damage,
        damaged=damaged,
        restored=np.concatenate([part.restored for part in parts]),
        frames={from_step + at: np.concatenate(f) for at, f in zip(looks, frames, strict=True)},
        states=np.concatenate([np.stack(p.states, axis=1) for p in parts]) if traced else None,
        steps=steps,
        from_step=from_step,
        seconds=time.monotonic() - begin,
    )


class Seen(NamedTuple):
    """What was read while a batch of lattices ran."""

    frames: list[np.ndarray]
    """Images at each step to look at, uint8 (b, h, w)."""
    states: list[np.ndarray]
    """Lattices at every step of a traced run, int8 (b, c, h, w)."""
    restored: np.ndarray
    """Images in the end, uint8 (b, h, w)."""


def watch(
    device: Device, network: GateNetwork | None, steps: int, looks: list[int], traced: bool
) -> Seen:
    """Run the loaded lattices, looking at them after the steps ``looks``, and at each if traced."""
    frames, states, now = [], [], 0
    for stop in range(steps + 1) if traced else sorted({*looks, steps}):
        if stop > now:
            run(device, network, stop - now)
            now = stop
        if stop in looks:
            frames.append(device.read_images())
        if traced:
            states.append(device.read_states())
    return Seen(frames, states, device.read_images())


def prepare_input(given: Images | Lattices, damage: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what goes onto the device, and the damaged images if it is those."""
    if isinstance(given, Lattices):
        return given.states, None
    damaged = blank(given.images, given.indices, damage)
    return damaged, damaged
