"""Restoration of a folder of pictures: one result for each file, which a second run keeps.

Results are written whole or not at all, so an interrupted run goes on where it stopped. A folder
never has results of different recipes: see `sw.restore.results`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from golden.device import Device, run
from golden.errors import InputError, reason
from golden.files import is_dir, read_bytes, resolve
from golden.gate import GateNetwork
from golden.spec import Spec
from sw.data.damage import blank
from sw.data.pictures import SUFFIXES
from sw.judge.metrics import Closeness, squared_errors
from sw.restore.fitting import Fit
from sw.restore.images import paper_of
from sw.restore.png import read_grey, write_png
from sw.restore.results import Mark, Method, is_ours, read_kept, require_ours, write_result
from sw.serial.link import LinkError

__all__ = ["FolderRun", "Tally", "check"]

ATTEMPTS = 3
"""Attempts at a batch before an error of the link ends the run."""


class Listing(NamedTuple):
    """The PNGs below a folder; links to other folders are not followed."""

    names: list[Path]
    """Paths below the folder, sorted, without hidden ones."""
    failures: dict[str, str]
    """Errors of the folders that cannot be read, by name."""
    links: list[str]
    """Names of the links to folders."""


def list_pngs(folder: Path, suffixes: tuple[str, ...] = (".png",)) -> Listing:
    """Return the PNGs below a folder; folders whose names end in .png are searched too.

    Other endings name other pictures.
    """
    names, failures, links = [], {}, []

    def note(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise InputError(f"{folder} must be a readable folder: {reason(error)}")
        name = Path(error.filename).relative_to(folder).as_posix()
        failures[name] = f"{error.filename} must be a readable folder: {reason(error)}"

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(place).relative_to(folder)
        links += [(below / name).as_posix() for name in folders if Path(place, name).is_symlink()]
        names += [
            below / name
            for name in files
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        ]
    return Listing(sorted(names), failures, sorted(links))


def check(source: Path, output: Path, method: Method) -> Listing:
    """Return the files to restore from ``source`` into ``output``.

    Raises if there are none, or if the output has files that this run must not replace, or results
    of files that are not in ``source``.
    """
    found = list_pngs(source) if method.fit is None else list_pngs(source, SUFFIXES)
    if not found.names and not found.failures:
        links = f": {found.links[0]} is a link to a folder, not followed" if found.links else ""
        what = "PNG" if method.fit is None else "picture"
        raise InputError(f"{source} must hold at least one {what}{links}")
    if resolve(output).is_relative_to(resolve(source)):
        raise InputError(f"--output must lie outside {source}, not at {output}")
    given: dict[Path, Path] = {}
    for name in found.names:
        result = result_of(name)
        if result in given:
            raise InputError(f"{source} must not hold both {given[result]} and {name}")
        require_ours(output / result, method)
        given[result] = name
    for name in list_pngs(output).names if is_dir(output) else []:
        if name not in given and is_ours(output / name):
            raise InputError(
                f"{output / name} is a result of another run, of a file that is not in {source}: "
                "name another --output"
            )
    return found


def result_of(name: Path) -> Path:
    """Return the name of a file's result: its own if it is a PNG, else with that ending added."""
    return name if name.suffix.lower() == ".png" else name.with_name(f"{name.name}.png")


def given_of(name: Path) -> Path:
    """Return the name of the image that a picture was made, beside its result."""
    return result_of(name).with_suffix(".given.png")


def cut_batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Cut items into lists of at most ``size``."""
    while batch := list(islice(items, size)):
        yield batch


@dataclass(frozen=True, eq=False)
class Item:
    """One file that can be restored."""

    name: Path
    damaged: np.ndarray
    """Image that the device restores, uint8 (h, w)."""
    original: np.ndarray | None
    mark: Mark
    fitted: np.ndarray | None = None
    """Image that a picture of any size was made, uint8 (h, w)."""


@dataclass(eq=False)
class Tally:
    """Counts and errors of the files of a run."""

    restored: int = 0
    kept: int = 0
    """Number of results from earlier runs."""
    failures: dict[str, str] = field(default_factory=dict)
    """Errors of files that were not restored, by name."""
    notes: dict[str, str] = field(default_factory=dict)
    """Conversions of files while they were read, by name."""
    fits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each picture was made an image by, by name, where they are fitted."""
    errors: list[tuple[float, float]] = field(default_factory=list)
    """Squared errors of the damaged and the restored image, for files with an original."""
    pixels: int = 784
    """Pixels of an image."""
    seconds: float = 0.0

    def add(self, item: Item, result: np.ndarray) -> None:
        """Compare a result with its original."""
        if item.original is not None:
            pair = np.stack([item.damaged, result])
            damaged, restored = squared_errors(pair, item.original[None]).tolist()
            self.errors.append((damaged, restored))
            self.pixels = result.size

    def report(self) -> dict[str, Any]:
        """Return the report's entries about the files."""
        rate = self.restored / self.seconds if self.seconds else 0.0
        return {
            "count": self.restored + self.kept,
            "restored_now": self.restored,
            "failures": self.failures,
            "notes": self.notes,
            **({"fits": self.fits} if self.fits else {}),
            "with_original": len(self.errors),
            "psnr": self.closeness() if self.errors else None,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(rate, 2),
        }

    def closeness(self) -> dict[str, dict[str, float]]:
        """Return the `Closeness` of the damaged and of the restored images."""
        columns = zip(("damaged", "restored"), np.array(self.errors).T, strict=True)
        return {name: Closeness.of(errors, self.pixels).to_json() for name, errors in columns}


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderRun:
    """The restoration of every picture below a folder to a PNG of its name in another folder."""

    device: Device
    """Device on which the skeleton of this run is chosen."""
    network: GateNetwork | None
    spec: Spec
    source: Path
    output: Path
    method: Method
    fit: Fit | None = None
    """How pictures are made images; None takes PNGs as they are."""
    originals: Path | None = None
    """Folder of the originals, under the same names; without it, images are the originals if they
    are damaged here."""
    complain: Callable[[str], None] = lambda text: None
    """Called with one line for each file that cannot be restored; the run goes on."""
    tally: Tally = field(default_factory=Tally)

    def restore(
        self, names: list[Path], progress: Callable[[int], None] = lambda done: None
    ) -> Tally:
        """Restore the files that have no result yet; return the tally of all files.

        `progress` is called with the number of files done since the last call.
        """
        begin = time.monotonic()
        for batch in cut_batches(self.fresh(names, progress), self.device.contexts):
            self.finish(batch)
            progress(len(batch))
        self.tally.seconds = time.monotonic() - begin
        return self.tally

    def fresh(self, names: list[Path], progress: Callable[[int], None]) -> Iterator[Item]:
        """Yield the files without a result; report those that cannot be restored."""
        for place, name in enumerate(names):
            try:
                item = self.read(name, place)
            except InputError as error:
                self.fail(name, error)
                progress(1)
                continue
            result = read_kept(self.output / result_of(name), item.mark)
            if result is None:
                yield item
            else:
                self.tally.kept += 1
                self.tally.add(item, result)
                progress(1)

    def fail(self, name: Path, error: InputError) -> None:
        """Report that a file cannot be restored; remove its old result, of another image."""
        text = " ".join(str(error).split())
        self.tally.failures[name.as_posix()] = text
        self.complain(text)
        if is_ours(stale := self.output / result_of(name)):
            try:
                stale.unlink()
            except OSError as wrong:
                self.complain(f"{stale} is of another image, but stays: {reason(wrong)}")

    def read(self, name: Path, place: int) -> Item:
        """Read a file, and its original if there is one."""
        pixels, method = self.pixels(self.source / name, name), self.method
        damaged = blank(pixels, range(place, place + 1), method.damage)
        original = pixels[0] if method.damage > 0 else None
        if self.originals is not None:
            original = self.pixels(self.originals / name)[0]
        fitted = None if self.fit is None else pixels[0]
        return Item(name, damaged[0], original, Mark.of(method, place, pixels[0]), fitted)

    def pixels(self, path: Path, name: Path | None = None) -> np.ndarray:
        """Read an image, uint8 (1, h, w), ink white on black; note conversions under ``name``."""
        if self.fit is not None:
            return self.fitted_pixels(self.fit, path, name)
        paper = paper_of(self.method.invert)
        pixels, notes = read_grey(read_bytes(path), path, self.spec.image, paper=paper)
        if notes and name is not None:
            self.tally.notes[name.as_posix()] = ", ".join(notes)
        return ~pixels[None] if self.method.invert else pixels[None]

    def fitted_pixels(self, fit: Fit, path: Path, name: Path | None) -> np.ndarray:
        """Read a picture of any size as an image, uint8 (1, h, w)."""
        found, notes = fit.read(read_bytes(path), path)
        if name is not None:
            told = (*notes, f"fitted, ink on {found.facts['paper']} paper")
            self.tally.notes[name.as_posix()] = ", ".join(told)
            self.tally.fits[name.as_posix()] = found.facts
        return found.pixels[None]

    def finish(self, batch: list[Item]) -> None:
        """Restore a batch and write its results."""
        images = np.stack([item.damaged for item in batch])
        for item, result in zip(batch, self.restore_images(images), strict=True):
            try:
                if item.fitted is not None:
                    write_png(self.output / given_of(item.name), item.fitted)
                write_result(self.output / result_of(item.name), result, item.mark)
            except InputError as error:
                self.fail(item.name, error)
                continue
            self.tally.restored += 1
            self.tally.add(item, result)

    def restore_images(self, images: np.ndarray) -> np.ndarray:
        """Restore images; after an error of the link, load the batch again and repeat it."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.device.load_images(images)
                run(self.device, self.network, self.method.steps)
                return self.device.read_images()
            except LinkError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("an attempt returns or raises")
