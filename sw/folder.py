"""Restoring a folder of PNGs: a result per file, whole or not at all, and none made twice.

A run that was broken off goes on where it was, and results of different runs never come to lie side
by side: see `sw.results`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from golden.device import Device, run
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.spec import Spec
from sw.damage import blank
from sw.images import read_png
from sw.link import LinkError
from sw.metrics import psnr, squared_errors
from sw.results import Mark, Recipe, kept, require_ours, write_result

__all__ = ["FolderRun", "Tally", "checked"]

ATTEMPTS = 3
"""Times that a batch is begun before a link that fails ends the work."""


def pngs(folder: Path) -> list[Path]:
    """Return the PNGs below a folder by their names in it, sorted; none that are hidden."""
    names = (path.relative_to(folder) for path in folder.rglob("*"))
    found = sorted(
        name
        for name in names
        if name.suffix.lower() == ".png" and not any(part.startswith(".") for part in name.parts)
    )
    if not found:
        raise InputError(f"{folder} must hold at least one PNG")
    return found


def checked(source: Path, output: Path, recipe: Recipe) -> list[Path]:
    """Return the names of what is to be restored from ``source`` into ``output``.

    Raises where there is nothing, or where the output holds what this run must not replace.
    """
    names = pngs(source)
    if output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"--output must lie outside {source}, not at {output}")
    for name in names:
        require_ours(output / name, recipe)
    return names


def batched(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Cut items into lists of at most ``size``."""
    while batch := list(islice(items, size)):
        yield batch


@dataclass(frozen=True, eq=False)
class Item:
    """One file that can be restored."""

    name: Path
    damaged: np.ndarray
    """Image as the device gets it, uint8 (h, w)."""
    original: np.ndarray | None
    mark: Mark


@dataclass(eq=False)
class Tally:
    """What became of the files."""

    restored: int = 0
    kept: int = 0
    """Results that were there already."""
    failures: dict[str, str] = field(default_factory=dict)
    """What was wrong with a file, by its name."""
    errors: list[tuple[float, float]] = field(default_factory=list)
    """Squared errors of the damaged and the restored image, where there is an original."""
    seconds: float = 0.0

    def add(self, item: Item, result: np.ndarray) -> None:
        """Compare a result with its original."""
        if item.original is not None:
            pair = np.stack([item.damaged, result])
            damaged, restored = squared_errors(pair, item.original[None]).tolist()
            self.errors.append((damaged, restored))

    def report(self) -> dict[str, Any]:
        """Return what the report says of the files."""
        rate = self.restored / self.seconds if self.seconds else 0.0
        return {
            "count": self.restored + self.kept,
            "restored_now": self.restored,
            "failures": self.failures,
            "with_original": len(self.errors),
            "psnr": self.closeness() if self.errors else None,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(rate, 2),
        }

    def closeness(self) -> dict[str, dict[str, float]]:
        """Return the PSNR of damaged and restored images in dB, both ways of taking the mean."""
        columns = zip(("damaged", "restored"), np.array(self.errors).T, strict=True)
        return {
            name: {
                "psnr_mean": round(float(psnr(errors).mean()), 3),
                "psnr_of_mean": round(float(psnr(errors.mean())), 3),
            }
            for name, errors in columns
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderRun:
    """The restoration of every PNG below a folder into another, under its own name."""

    device: Device
    """With the skeleton and the gate of this run chosen."""
    network: GateNetwork | None
    spec: Spec
    source: Path
    output: Path
    recipe: Recipe
    originals: Path | None = None
    """Folder of the originals, under the same names; without it, images are the originals if they
    are damaged here."""
    complain: Callable[[str], None] = lambda text: None
    """Called with one line for each file that cannot be restored; the others are."""
    tally: Tally = field(default_factory=Tally)

    def restore(
        self, names: list[Path], progress: Callable[[int], None] = lambda done: None
    ) -> Tally:
        """Restore those files that are not yet; return what became of all.

        `progress` is called with the number of files done since the last call.
        """
        begin = time.monotonic()
        for batch in batched(self.fresh(names, progress), self.device.contexts):
            self.finish(batch)
            progress(len(batch))
        self.tally.seconds = time.monotonic() - begin
        return self.tally

    def fresh(self, names: list[Path], progress: Callable[[int], None]) -> Iterator[Item]:
        """Yield the files that have no result yet; complain of those that cannot be restored."""
        for place, name in enumerate(names):
            try:
                item = self.read(name, place)
            except InputError as error:
                text = " ".join(str(error).split())
                self.tally.failures[name.as_posix()] = text
                self.complain(text)
                progress(1)
                continue
            result = kept(self.output / name, item.mark)
            if result is None:
                yield item
            else:
                self.tally.kept += 1
                self.tally.add(item, result)
                progress(1)

    def read(self, name: Path, place: int) -> Item:
        """Read a file, and its original if there is one."""
        pixels, recipe = self.pixels(self.source / name), self.recipe
        damaged = blank(pixels, range(place, place + 1), recipe.damage)
        original = pixels[0] if recipe.damage > 0 else None
        if self.originals is not None:
            original = self.pixels(self.originals / name)[0]
        return Item(name, damaged[0], original, Mark.of(recipe, place, pixels[0]))

    def pixels(self, path: Path) -> np.ndarray:
        """Read an image, uint8 (1, h, w), ink white on black."""
        images = read_png(path, self.spec).images
        return ~images if self.recipe.invert else images

    def finish(self, batch: list[Item]) -> None:
        """Restore a batch and write its results."""
        images = np.stack([item.damaged for item in batch])
        for item, result in zip(batch, self.restored(images), strict=True):
            write_result(self.output / item.name, result, item.mark)
            self.tally.restored += 1
            self.tally.add(item, result)

    def restored(self, images: np.ndarray) -> np.ndarray:
        """Restore images, once more where the link fails: a batch that is loaded begins afresh."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.device.load_images(images)
                run(self.device, self.network, self.recipe.steps)
                return self.device.read_images()
            except LinkError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("an attempt returns or raises")
