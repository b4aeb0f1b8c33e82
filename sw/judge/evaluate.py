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
from sw.data.damage import blank_mask
from sw.data.load import Digits, show_digits
from sw.data.protocol import SHARE
from sw.judge.metrics import closeness, paste
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
    """Label of the digits in tables: `test` for MNIST's test digits, else `show`."""
    images: np.ndarray
    """Uint8 (n, 28, 28)."""
    labels: np.ndarray
    """Integers (n,)."""


def digits_to_judge(digits: Digits, count: int | None = None) -> Judged:
    """Return the first ``count`` test digits, or show digits where there are no test digits."""
    labels = digits.test_labels
    if labels is not None and len(labels) and (most := int(labels.max())) > 9:
        raise InputError(f"Test labels must be of digits, 0 to 9, not {most}: {digits.source}")
    return images_to_judge(digits, count)


def images_to_judge(data: Digits, count: int | None = None) -> Judged:
    """Return the same of any images: the referee can read none but digits."""
    if data.test_images is None or data.test_labels is None:
        images, labels = show_digits()
        return Judged("show", images[:count], labels[:count])
    return Judged("test", data.test_images[:count], data.test_labels[:count])


def evaluate(
    device: Device,
    network: GateNetwork | None,
    digits: Judged,
    *,
    steps: int,
    share: float = SHARE,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Restore blanked digits on a device with its chosen skeleton, and judge the results.

    Returns
    -------
    dict
        JSON values: the protocol's numbers for the blanked digits, the restored ones and the
        restored ones with the known pixels pasted back; PSNR in dB, digits read right in %.
    """
    rows, images, labels = digits
    mask = blank_mask(images.shape, range(len(images)), share)
    damaged = np.where(mask, np.uint8(0), images)
    begin = time.monotonic()
    restored = restore(device, network, damaged, steps, progress)
    seconds = time.monotonic() - begin
    referee = Referee.load()
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
    referee: Referee, images: np.ndarray, originals: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Return both means of the PSNR in dB, and the digits that the referee reads right in %."""
    read, _ = referee.read(images)
    right = round(100 * float(np.mean(read == labels)), 2)
    return closeness(images, originals).to_json() | {"digit_id": right}


def require_size(digits: Judged, skeleton: Skeleton) -> None:
    """Raise unless the skeleton takes images of the digits' size."""
    size = skeleton.spec.image
    if digits.images.shape[1:] != (size, size):
        raise InputError(
            f"Skeleton {skeleton.name} must take digits of 28 x 28, not images of {size} x {size}"
        )


def show(results: dict[str, Any]) -> None:
    """Print the results as a table."""
    gate = "gated" if results["gated"] else "no gate"
    screen, rows = console(), f"{results['images']:,} {results['rows']} digits"
    screen.print(f"{results['skeleton']} on {results['device']}, {gate}, {rows}")
    grid = Table(f"step {results['steps']}", "mean PSNR", "PSNR of mean", "read right")
    for name in ("blanked", "restored", "pasted"):
        scores = results[name]
        decibels = (f"{scores[key]:.2f} dB" for key in ("psnr_mean", "psnr_of_mean"))
        grid.add_row(name, *decibels, f"{scores['digit_id']:.2f} %")
    screen.print(grid)
