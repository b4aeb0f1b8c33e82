"""Evaluation by the protocol: blank test digits, restore them, compare and classify the results."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from golden.device import Device, restore
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.data.damage import damage
from sw.data.load import Digits, show_digits
from sw.data.protocol import SHARE
from sw.judge.metrics import closeness, paste, ssim
from sw.judge.referee import Referee
from sw.runs.terminal import console

__all__ = [
    "Judged",
    "digits_to_judge",
    "evaluate",
    "images_to_judge",
    "require_size",
    "score",
    "show",
]


class Judged(NamedTuple):
    """Digits to judge a restorer by; the position of each is the index of its mask."""

    rows: str
    """Label of the digits in tables: `test` for a data set's test images, else `show`."""
    images: np.ndarray
    """Uint8 (n, height, width)."""
    labels: np.ndarray | None
    """Integers (n,), if there are any."""


def digits_to_judge(digits: Digits, count: int | None = None) -> Judged:
    """Return the first ``count`` test digits, or show digits where there are no test digits."""
    labels = digits.test_labels
    if labels is None:
        return show_to_judge(count)
    if len(labels) and (most := int(labels.max())) > 9:
        raise InputError(f"Test labels must be of digits, 0 to 9, not {most}: {digits.source}")
    return images_to_judge(digits, count)


def show_to_judge(count: int | None) -> Judged:
    """Return the first ``count`` show digits."""
    images, labels = show_digits()
    return Judged("show", images[:count], labels[:count])


def images_to_judge(data: Digits, count: int | None = None) -> Judged:
    """Return the first ``count`` test images of any data set, with their labels if there are any.

    Show digits where there are no test images: that is MNIST's matter alone.
    """
    if data.test_images is None:
        return show_to_judge(count)
    labels = None if data.test_labels is None else data.test_labels[:count]
    return Judged("test", data.test_images[:count], labels)


def evaluate(
    device: Device,
    network: GateNetwork | None,
    digits: Judged,
    *,
    steps: int,
    share: float | str = SHARE,
    progress: Callable[[int], None] = lambda done: None,
    reader: Callable[[], Referee] | None = None,
    first: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, Any]:
    """Restore damaged digits on a device with its chosen skeleton, and judge the results.

    Parameters
    ----------
    device, network
        The device, and the network of the skeleton's gate or None.
    digits
        What is restored.
    steps
        Steps of a run.
    share
        Share of the pixels that is blanked, or other damage in the words of `sw.data.kinds`.
    progress
        Called with the number of digits done since the last call.
    reader
        Gives who reads the labels; the shipped referee unless given.
    first
        Restores the damaged digits before, where the skeleton is one that holds what it is given.

    Returns
    -------
    dict
        JSON values: the protocol's numbers for the blanked digits, the restored ones and the
        restored ones with the known pixels pasted back; PSNR in dB, digits read right in %, or
        without labels the mean SSIM.
    """
    rows, images, labels = digits
    damaged, mask = damage(images, range(len(images)), share)
    begin = time.monotonic()
    given = damaged if first is None else first(damaged)
    restored = restore(device, network, given, steps, progress)
    seconds = time.monotonic() - begin
    referee = None if labels is None else (reader or Referee.load)()
    scores = {
        name: score(referee, result, images, labels)
        for name, result in (
            ("blanked", damaged),
            ("restored", restored),
            ("pasted", paste(restored, images, mask)),
            ("originals", images),
        )
    }
    return {
        "rows": rows,
        "images": len(images),
        "steps": steps,
        "damage": share,
        "gated": network is not None,
        **scores,
        "seconds": round(seconds, 3),
        "digits_per_second": round(len(images) / seconds, 2),
    }


def score(
    referee: Referee | None, images: np.ndarray, originals: np.ndarray, labels: np.ndarray | None
) -> dict[str, float]:
    """Return both means of the PSNR in dB, and the digits that the referee reads right in %.

    Without labels, the mean SSIM.
    """
    if referee is None:
        alike = round(float(ssim(images, originals).mean()), 4)
        return closeness(images, originals).to_json() | {"ssim": alike}
    read, _ = referee.read(images)
    right = round(100 * float(np.mean(read == labels)), 2)
    return closeness(images, originals).to_json() | {"digit_id": right}


def require_size(digits: Judged, skeleton: Skeleton) -> None:
    """Raise unless the skeleton takes images of the digits' size."""
    size = skeleton.spec.image
    height, width = digits.images.shape[1:]
    if (height, width) != (size, size):
        raise InputError(
            f"Skeleton {skeleton.name} must take digits of {height} x {width}, "
            f"not images of {size} x {size}"
        )


def show(results: dict[str, Any]) -> None:
    """Print the results as a table."""
    gate = "gated" if results["gated"] else "no gate"
    screen, rows = console(), f"{results['images']:,} {results['rows']} digits"
    screen.print(f"{results['skeleton']} on {results['device']}, {gate}, {rows}")
    read = "digit_id" in results["restored"]
    last = "read right" if read else "SSIM"
    grid = Table(f"step {results['steps']}", "mean PSNR", "PSNR of mean", last)
    for name in ("blanked", "restored", "pasted"):
        scores = results[name]
        decibels = (f"{scores[key]:.2f} dB" for key in ("psnr_mean", "psnr_of_mean"))
        told = f"{scores['digit_id']:.2f} %" if read else f"{scores['ssim']:.4f}"
        grid.add_row(name, *decibels, told)
    screen.print(grid)
