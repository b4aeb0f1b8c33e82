"""Measuring a subject: once for each version, set of weights and digits, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from golden.files import write_json
from sw.data.damage import blank_mask, block, noisy
from sw.data.protocol import SHARE
from sw.experiments.kept import key_of, read_kept
from sw.experiments.table.subject import Progress, Subject
from sw.judge import evaluate
from sw.judge.evaluate import Judged
from sw.judge.metrics import PEAK, closeness, paste, ssim
from sw.judge.referee import Referee

__all__ = ["DAMAGES", "KEYS", "SHARE", "Store", "known", "point", "row"]

KEYS = (
    "name",
    "psnr_mean",
    "psnr_mse",
    "psnr_mean_pasted",
    "psnr_mse_pasted",
    "ssim",
    "digit_id",
    "parameters",
    "macs",
    "link_bytes",
    "images",
    "rows",
    "claim",
    "given_mask",
)
"""What a row has, in order: PSNR in dB, digits read right in %."""

VERSION = 1
"""Raised by whoever changes what `row` or `point` returns: kept results are not used then."""

Damage = Callable[[np.ndarray], np.ndarray]


def share_of(share: float) -> Damage:
    """Return the damage that blanks a share of the pixels."""
    return lambda images: np.where(
        blank_mask(images.shape, range(len(images)), share), np.uint8(0), images
    )


DAMAGES: dict[str, Damage] = {
    **{f"{share:.0%} blanked": share_of(share) for share in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)},
    "14 x 14 block": block,
    "noise, sigma 0.3": lambda images: noisy(images, range(len(images)), 0.3 * PEAK),
}
"""The damage of the curves."""


class Store:
    """Results in a folder, found again by what they depend on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(
        self, subject: Subject, digits: Judged, what: str, make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the result that is there, or make it and keep it."""
        path = self.folder / f"{key_of(what, VERSION, subject.key, digits)[:32]}.json"
        found = read_kept(path)
        if found is not None:
            return found
        made = make()
        write_json(path, made)
        return made


def row(subject: Subject, digits: Judged, referee: Referee, progress: Progress) -> dict[str, Any]:
    """Restore blanked digits and return the numbers of the table's row."""
    _, images, labels = digits
    assert labels is not None
    mask = blank_mask(images.shape, range(len(images)), SHARE)
    restored = subject.restore(np.where(mask, np.uint8(0), images), mask, progress)
    pasted = closeness(paste(restored, images, mask), images).to_json()
    return score(restored, images, labels, referee) | {
        "psnr_mean_pasted": pasted["psnr_mean"],
        "psnr_mse_pasted": pasted["psnr_of_mean"],
        "ssim": round(float(ssim(restored, images).mean()), 4),
    }


def known(subject: Subject, digits: Judged) -> dict[str, Any]:
    """Return what a row has that needs no restoring."""
    return {
        "name": subject.name,
        "parameters": subject.parameters,
        "macs": None if subject.macs is None else subject.macs(),
        "link_bytes": subject.link_bytes,
        "images": len(digits.images),
        "rows": digits.rows,
        "claim": None if subject.claim is None else asdict(subject.claim),
        "given_mask": subject.given_mask,
    }


def point(
    subject: Subject, digits: Judged, damage: str, referee: Referee, progress: Progress
) -> dict[str, Any]:
    """Restore digits damaged in another way and return the point of the curve."""
    _, images, labels = digits
    assert labels is not None
    damaged = DAMAGES[damage](images)
    restored = subject.restore(damaged, np.zeros(images.shape, bool), progress)
    scores = score(restored, images, labels, referee)
    return {"name": subject.name, "damage": damage} | scores | {"images": len(images)}


def score(
    restored: np.ndarray, originals: np.ndarray, labels: np.ndarray, referee: Referee
) -> dict[str, float]:
    """Return what `evaluate.score` does, under the names of a row."""
    found = evaluate.score(referee, restored, originals, labels)
    return {
        "psnr_mean": found["psnr_mean"],
        "psnr_mse": found["psnr_of_mean"],
        "digit_id": found["digit_id"],
    }
