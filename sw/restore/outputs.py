"""Files of a restoration: report, pictures and arrays, each whole or not at all."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError, reason
from golden.files import (
    is_dir,
    is_file,
    read_bytes,
    read_json,
    replacement,
    require_replaceable,
    resolve,
    write_json,
)
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.judge.metrics import closeness
from sw.report.pictures import restoration_sheet
from sw.restore.images import Images, Lattices
from sw.restore.png import read_marked, write_png
from sw.restore.restoration import SHEET, Restoration
from sw.restore.results import KEY, is_ours

__all__ = [
    "REPORT",
    "picture",
    "remove_single",
    "report",
    "require_room",
    "require_trace",
    "write",
    "write_trace",
]

REPORT = "report.json"
ARRAYS = ("restored.npy", "sheet.png")
"""Results beside the report."""
GIVEN = "given.png"
"""What a picture of any size was made, where it was fitted."""
PICTURES = 100
"""Largest number of restored images that are also written as PNGs."""

LARGEST_TRACE = 4 << 30
"""Most bytes of states in a trace; they are in memory until it is written."""


def report(restoration: Restoration, skeleton: Skeleton) -> dict[str, Any]:
    """Return the report of a restoration; the command line adds its own options."""
    original, damaged, restored = (
        getattr(restoration, n) for n in ("original", "damaged", "restored")
    )
    psnr = None
    if original is not None:
        psnr = {
            name: closeness(images, original).to_json()
            for name, images in (("damaged", damaged), ("restored", restored))
        }
    fitted = getattr(restoration.given, "fit", None)
    return ({} if fitted is None else {"fit": fitted}) | {
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


def write(folder: Path, restoration: Restoration, told: dict[str, Any]) -> None:
    """Write restored.npy, the PNGs and, last, report.json, each whole or not at all.

    Removes files of an earlier run first: its report, then pictures that this run does not replace.
    """
    names = picture_names(restoration.given)
    remove_earlier(folder, {*names, *ARRAYS})
    with replacement(folder / "restored.npy") as path:
        np.save(path, restoration.restored)
    if (fitted := given_pixels(restoration.given)) is not None:
        write_png(folder / GIVEN, fitted, {KEY: "given"})
    for name, image in zip(names, restoration.restored, strict=False):
        write_png(folder / name, image, {KEY: "restored"})
    write_png(folder / "sheet.png", picture(restoration))
    write_json(folder / REPORT, told)


def given_pixels(given: Images | Lattices) -> np.ndarray | None:
    """Return the image that a picture was made, uint8 (h, w); None where it was not fitted."""
    return given.images[0] if isinstance(given, Images) and given.fit is not None else None


def picture_names(given: Images | Lattices) -> list[str]:
    """Return the names of the pictures of single results."""
    indices = given.indices if isinstance(given, Images) else range(len(given.states))
    return [f"restored-{index:05d}.png" for index in indices[:PICTURES]]


def require_room(folder: Path, given: Images | Lattices, source: str) -> None:
    """Raise before the work if the results would replace something that must stay.

    That is the INPUT ``source``, anything that is no file, pictures of other origin, and results of
    a folder of PNGs.
    """
    names = {*picture_names(given), *ARRAYS}
    fitted = [] if given_pixels(given) is None else [GIVEN]
    for name in (*sorted(names), *fitted, REPORT):
        require_replaceable(folder / name)
        if resolve(folder / name) == resolve(Path(source)):
            raise InputError(f"INPUT must not be one of the results in --output: {source!r}")
    stale_pictures(folder, names)
    for path in sorted(folder.glob("*.[pP][nN][gG]")):
        if is_file(path) and is_ours(path):
            raise InputError(
                f"{path} is a result of another run, of a folder: name another --output"
            )


def stale_pictures(folder: Path, staying: set[str]) -> list[Path]:
    """Return the pictures of an earlier run that this run does not replace.

    Raises for a picture with such a name that no run of ours wrote.
    """
    found = sorted(folder.glob("restored-[0-9]*.png"))
    stale = [path for path in found if path.name not in staying]
    ours = "kind" in report_in(folder)
    for path in stale:
        if not is_file(path) or (not ours and read_marked(read_bytes(path), KEY)[1] is None):
            raise InputError(f"{path} must not lie among the results: name another --output")
    return stale


def remove_earlier(folder: Path, staying: set[str]) -> None:
    """Remove an earlier run's report, and its pictures that this run does not replace.

    So a run that is interrupted has no report.
    """
    report = report_in(folder)
    ours = [folder / REPORT] if report else []
    ours += [folder / GIVEN] if "fit" in report else []
    remove(*ours, *stale_pictures(folder, staying))


def remove_single(folder: Path) -> None:
    """Remove an earlier run's report, and its other results unless it restored a folder."""
    if "kind" in report_in(folder):
        remove_earlier(folder, set())
        remove(*(folder / name for name in ARRAYS))
    elif report_in(folder):
        remove(folder / REPORT)


def remove(*paths: Path) -> None:
    """Remove files."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path} must be writable: {reason(error)}") from error


def report_in(folder: Path) -> dict[str, Any]:
    """Return the report in a folder; an empty dict if there is none of ours."""
    path = folder / REPORT
    try:
        values = read_json(path) if is_file(path) else None
    except InputError:
        return {}
    return values if isinstance(values, dict) and "skeleton_digest" in values else {}


def require_trace(file: Path, folder: Path, count: int, steps: int, spec: Spec) -> None:
    """Raise before the work unless every state of a run can be written to a file.

    ``folder`` is for the other results; ``count`` lattices are traced over ``steps`` steps.
    """
    if is_dir(file):
        raise InputError(f"--trace must be a file, not the folder {file}")
    require_replaceable(file)
    taken = file.name in {REPORT, *ARRAYS} or re.fullmatch(r"restored-\d+\.png", file.name)
    if taken and resolve(file.parent) == resolve(folder):
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
    with replacement(file) as path, path.open("wb") as opened:  # numpy would add an ending
        np.savez(opened, states=restoration.states, restored=restoration.restored)
