"""What a restoration leaves behind: report, pictures, arrays, each file whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import replacing, write_json
from golden.skeleton import Skeleton
from sw.images import Images, write_png
from sw.metrics import closeness
from sw.pictures import restoration_sheet
from sw.restore import SHEET, Restoration

__all__ = ["picture", "prepare", "report", "write", "write_trace"]

PICTURES = 100
"""Restored images that also become a PNG of their own."""


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
        "steps": restoration.steps,
        "from_step": restoration.from_step,
        "damage": restoration.damage if damaged is not None else None,
        "psnr": psnr,
        "restored_sha256": hashlib.sha256(restored.tobytes()).hexdigest(),
        "seconds": round(restoration.seconds, 3),
    }


def picture(restoration: Restoration, scale: int = 3) -> np.ndarray:
    """Return the contact sheet of the first few restorations, uint8 (rows, columns)."""
    original, damaged = restoration.original, restoration.damaged
    return restoration_sheet(
        restoration.frames,
        restoration.restored[:SHEET],
        original=None if original is None else original[:SHEET],
        damaged=None if damaged is None else damaged[:SHEET],
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


def write(folder: Path, restoration: Restoration, told: dict[str, Any]) -> None:
    """Write restored.npy, the PNGs and, last, report.json, each whole or not at all."""
    with replacing(folder / "restored.npy") as path:
        np.save(path, restoration.restored)
    given = restoration.given
    indices = given.indices if isinstance(given, Images) else range(len(given.states))
    for index, image in zip(indices[:PICTURES], restoration.restored, strict=False):
        write_png(folder / f"restored-{index:05d}.png", image)
    write_png(folder / "sheet.png", picture(restoration))
    write_json(folder / "report.json", told)


def write_trace(file: Path, restoration: Restoration) -> None:
    """Write the states int8 (n, steps + 1, c, h, w) and the restored images of a traced run."""
    assert restoration.states is not None, "a traced run keeps its states"
    with replacing(file) as path:
        np.savez(path, states=restoration.states, restored=restoration.restored)
