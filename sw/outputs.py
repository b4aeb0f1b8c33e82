"""What a restoration leaves behind: report, pictures, arrays, each file whole or not at all."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError, reason
from golden.files import (
    is_dir,
    is_file,
    read_bytes,
    read_json,
    replacing,
    resolved,
    write_json,
)
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.images import Images
from sw.metrics import closeness
from sw.pictures import restoration_sheet
from sw.png import read_marked, write_png
from sw.restore import SHEET, Restoration
from sw.results import KEY

__all__ = [
    "REPORT",
    "picture",
    "prepare",
    "remove_report",
    "report",
    "require_trace",
    "write",
    "write_trace",
]

REPORT = "report.json"
PICTURES = 100
"""Restored images that also become a PNG of their own."""

LARGEST_TRACE = 4 << 30
"""Bytes of states that a trace holds at most: they are in memory until it is written."""


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
            raise InputError(f"{folder} must be a writable folder: {reason(error)}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{folder} must be a writable folder")


def write(folder: Path, restoration: Restoration, told: dict[str, Any]) -> None:
    """Write restored.npy, the PNGs and, last, report.json, each whole or not at all.

    What an earlier run left goes first: its report, then the pictures that this run has none of.
    """
    given = restoration.given
    indices = given.indices if isinstance(given, Images) else range(len(given.states))
    names = [f"restored-{index:05d}.png" for index in indices[:PICTURES]]
    remove_earlier(folder, {*names, "restored.npy", "sheet.png"})
    with replacing(folder / "restored.npy") as path:
        np.save(path, restoration.restored)
    for name, image in zip(names, restoration.restored, strict=False):
        write_png(folder / name, image, {KEY: "restored"})
    write_png(folder / "sheet.png", picture(restoration))
    write_json(folder / REPORT, told)


def remove_earlier(folder: Path, staying: set[str]) -> None:
    """Remove an earlier run's report and pictures, but for those that are replaced.

    A picture with such a name that is none of ours raises: its user would not know whose it is.
    """
    found = sorted(folder.glob("restored-[0-9]*.png"))
    stale = [path for path in found if path.name not in staying]
    ours = is_report(folder / REPORT)
    for path in stale:
        if not ours and read_marked(read_bytes(path), KEY)[1] is None:
            raise InputError(f"{path} must not lie among the results: name another --output")
    remove_report(folder)
    for path in stale:
        with replaceable(path):
            path.unlink()


def remove_report(folder: Path) -> None:
    """Remove the report of an earlier run: a run that is broken off has none."""
    if is_report(path := folder / REPORT):
        with replaceable(path):
            path.unlink()


def is_report(path: Path) -> bool:
    """Whether a file is a report of ours."""
    try:
        values = read_json(path) if is_file(path) else None
    except InputError:
        return False
    return isinstance(values, dict) and "skeleton_digest" in values


@contextmanager
def replaceable(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be removed into `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} must be writable: {reason(error)}") from error


def require_trace(file: Path, folder: Path, count: int, steps: int, spec: Spec) -> None:
    """Raise before the work unless every state of a run can be written to a file.

    ``folder`` takes the results; ``count`` lattices are traced over so many steps.
    """
    if is_dir(file):
        raise InputError(f"--trace must be a file, not the folder {file}")
    results = {REPORT, "restored.npy", "sheet.png"}
    if resolved(file.parent) == resolved(folder) and file.name in results:
        raise InputError(f"--trace must have a name that no result has, not {file.name!r}")
    size = count * (steps + 1) * math.prod(spec.lattice)
    if size > LARGEST_TRACE:
        raise InputError(
            f"--trace must hold at most {LARGEST_TRACE:,} bytes of states, not {size:,}: "
            "trace fewer images or steps"
        )


def write_trace(file: Path, restoration: Restoration) -> None:
    """Write the states int8 (n, steps + 1, c, h, w) and the restored images of a traced run."""
    assert restoration.states is not None, "a traced run keeps its states"
    with replacing(file) as path, path.open("wb") as opened:  # numpy would add to other names
        np.savez(opened, states=restoration.states, restored=restoration.restored)
