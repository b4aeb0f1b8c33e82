"""The restoration of an INPUT on a device: the work of `thalweg restore` in one function."""

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
"""Digits on the contact sheet, which shows them after several steps."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Restoration:
    """The results of a restoration, with its input and its options."""

    given: Images | Lattices
    damage: float
    damaged: np.ndarray | None
    """Images that the device restored, uint8 (n, h, w); None if lattices were given."""
    restored: np.ndarray
    """Restored images, uint8 (n, h, w)."""
    frames: dict[int, np.ndarray]
    """Images that the first few lattices showed, uint8 (k, h, w), by step."""
    states: np.ndarray | None
    """Every state of a traced run, int8 (n, steps + 1, channels, height, width)."""
    steps: int
    from_step: int
    """Step count at which the run began."""
    seconds: float

    @property
    def original(self) -> np.ndarray | None:
        """Images before the damage; None if the INPUT may have been damaged already."""
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
    """Damage and restore images, or continue raw lattices, on a device.

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
        Whether to keep every state of every lattice.
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
    """Data that were read from a batch while it ran."""

    frames: list[np.ndarray]
    """Images at each of the steps for the sheet, uint8 (b, h, w)."""
    states: list[np.ndarray]
    """Lattices at every step of a traced run, int8 (b, c, h, w)."""
    restored: np.ndarray
    """Images in the end, uint8 (b, h, w)."""


def watch(
    device: Device, network: GateNetwork | None, steps: int, looks: list[int], traced: bool
) -> Seen:
    """Run the loaded lattices; read images after the steps ``looks``, and all states if traced."""
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
    """Return the data to load, and the damaged images; None instead of them for lattices."""
    if isinstance(given, Lattices):
        return given.states, None
    damaged = blank(given.images, given.indices, damage)
    return damaged, damaged
