"""Restoring an INPUT on a device: what `thalweg restore` does, as one function."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golden.device import Device, run, trace
from golden.errors import InputError
from golden.files import replacing
from golden.gate import GateNetwork
from golden.model import Model
from golden.skeleton import Skeleton
from sw.damage import blank
from sw.images import Images, Lattices, write_png
from sw.metrics import closeness
from sw.pictures import restoration_sheet

__all__ = [
    "Restoration",
    "open_gate",
    "picture",
    "prepare",
    "report",
    "restore_input",
    "write",
    "write_trace",
]

SHEET = 10
"""Digits on the contact sheet, run step by step to see how they fall into place."""
PICTURES = 100
"""Restored images that also become a PNG of their own."""


def open_gate(
    skeleton: Skeleton, folder: Path, file: Path | None, *, gated: bool
) -> GateNetwork | None:
    """Return the gate of a run: ``file``, or the one in the skeleton's folder; None for no gate."""
    if not gated:
        if file is not None:
            raise InputError("--gate and --no-gate must not be given together")
        return None
    if skeleton.spec.gate is None and file is None:
        return None
    path = folder / "gate.safetensors" if file is None else file
    if file is None and not path.is_file():
        raise InputError(
            f"{path} must be there for a gated run; --gate names another, --no-gate goes without"
        )
    network = GateNetwork.load(path)
    network.require_fit(skeleton, str(path))
    return network


@dataclass(frozen=True, kw_only=True, eq=False)
class Restoration:
    """An INPUT, what became of it, and how."""

    given: Images | Lattices
    damage: float
    damaged: np.ndarray | None
    """Images as the device got them, uint8 (n, h, w); None when it got lattices."""
    restored: np.ndarray
    """Uint8 (n, h, w)."""
    states: np.ndarray
    """Traced lattices, int8 (k, steps + 1, channels, height, width), of the first k of n."""
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
    damage: float = 0.7,
    from_step: int = 0,
    traced: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Restoration:
    """Damage images and restore them, or run raw lattices on; device and skeleton are chosen.

    Parameters
    ----------
    device, network
        The device, with the skeleton and the gate of this run chosen, and the gate's network.
    given
        Images or raw lattices.
    steps
        Steps of the run.
    damage
        Share of each image's pixels that is blanked first; lattices stay as they are.
    from_step
        Step count of raw lattices.
    traced
        Whether every state of every lattice is kept, not only of the few for the contact sheet.
    progress
        Called with the number of digits done since the last call.
    """
    begin = time.monotonic()
    items, damaged = laid(given, damage)
    kept = len(items) if traced else min(len(items), SHEET)
    states, shown = [], []
    for batch in (*batches(kept, device.contexts), *batches(len(items), device.contexts, kept)):
        if isinstance(given, Images):
            device.load_images(items[batch])
        else:
            device.load_states(items[batch], from_step)
        if batch.start < kept:
            states.append(trace(device, network, steps))
        else:
            run(device, network, steps)
        shown.append(device.read_images())
        progress(len(shown[-1]))
    return Restoration(
        given=given,
        damage=damage,
        damaged=damaged,
        restored=np.concatenate(shown),
        states=np.concatenate(states),
        from_step=0 if isinstance(given, Images) else from_step,
        seconds=time.monotonic() - begin,
    )


def batches(total: int, size: int, begin: int = 0) -> Iterator[slice]:
    """Cut the items from ``begin`` to ``total`` into slices of at most ``size``."""
    for start in range(begin, total, size):
        yield slice(start, min(start + size, total))


def laid(given: Images | Lattices, damage: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what goes onto the device, and the damaged images if it is those."""
    if isinstance(given, Lattices):
        return given.states, None
    damaged = blank(given.images, given.indices, damage)
    return damaged, damaged


def report(restoration: Restoration, skeleton: Skeleton) -> dict[str, Any]:
    """Return the report of a restoration; the command line adds how it was asked for."""
    original, damaged, restored = (
        getattr(restoration, n) for n in ("original", "damaged", "restored")
    )
    psnr = None
    if original is not None:
        psnr = {
            name: {key: round(db, 3) for key, db in closeness(images, original)._asdict().items()}
            for name, images in (("damaged", damaged), ("restored", restored))
        }
    return {
        "skeleton": skeleton.name,
        "skeleton_digest": skeleton.digest,
        "count": len(restored),
        "kind": "images" if damaged is not None else "lattices",
        "steps": restoration.states.shape[1] - 1,
        "from_step": restoration.from_step,
        "damage": restoration.damage if damaged is not None else None,
        "psnr": psnr,
        "restored_sha256": hashlib.sha256(restored.tobytes()).hexdigest(),
        "seconds": round(restoration.seconds, 3),
    }


def picture(restoration: Restoration, skeleton: Skeleton, scale: int = 3) -> np.ndarray:
    """Return the contact sheet of the first restorations, uint8 (rows, columns)."""
    states = restoration.states[:SHEET]
    count, steps = states.shape[:2]
    frames = Model(skeleton).readout(states.reshape(-1, *skeleton.spec.lattice))
    original, damaged = restoration.original, restoration.damaged
    return restoration_sheet(
        original=None if original is None else original[:count],
        damaged=None if damaged is None else damaged[:count],
        frames=frames.reshape(count, steps, *frames.shape[1:]),
        restored=restoration.restored[:count],
        first_step=restoration.from_step,
        scale=scale,
    )


def prepare(*folders: Path) -> None:
    """Make the output folders before the work, so that a wrong path is refused at once."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} must be a writable folder: {error.strerror}") from error
        if not os.access(folder, os.W_OK):
            raise InputError(f"{folder} must be a writable folder")


def write(folder: Path, restoration: Restoration, skeleton: Skeleton, told: dict[str, Any]) -> None:
    """Write restored.npy, the PNGs and, last, report.json, each whole or not at all."""
    with replacing(folder / "restored.npy") as path:
        np.save(path, restoration.restored)
    given = restoration.given
    indices = given.indices if isinstance(given, Images) else range(len(given.states))
    for index, image in zip(indices[:PICTURES], restoration.restored, strict=False):
        write_png(folder / f"restored-{index:05d}.png", image)
    write_png(folder / "sheet.png", picture(restoration, skeleton))
    with replacing(folder / "report.json") as path:
        path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def write_trace(file: Path, restoration: Restoration) -> None:
    """Write the states int8 (n, steps + 1, c, h, w) and the restored images of a traced run."""
    with replacing(file) as path:
        np.savez(path, states=restoration.states, restored=restoration.restored)
