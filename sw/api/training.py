"""Training from an array."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from golden.device import as_images
from sw.api.restorer import Restorer, load
from sw.data.load import Digits, without_show
from sw.train.options import Options, Shape, spec_for
from sw.train.run import train as run

__all__ = ["train"]


def train(
    images: np.ndarray,
    name: str = "mine",
    *,
    folder: str | Path = "build/train",
    **options: Any,
) -> Restorer:
    """Train a skeleton, and a gate, to restore images like these; return it on the golden model.

    What ``thalweg train`` does with a data set, with the same progress on stderr. The same call
    goes on with a run that was interrupted.

    Parameters
    ----------
    images : np.ndarray
        Whole images, uint8 (n, 28, 28), ink 255 on 0. Show digits among them are left out: the
        result is evaluated on these.
    name : str
        Name of the skeleton.
    folder : str or Path
        Where the run has its own folder, called ``name``; `load` takes that folder too.
    **options
        Options of ``thalweg train`` in Python's spelling: ``batches``, ``qat_batches``, ``damage``,
        ``gated``, ``multiplier``, ``device``, ``seed`` and so on.

    Raises
    ------
    InputError
        If images or options cannot be used; nothing is written then.
    """
    shape = {each.name: options.pop(each.name) for each in fields(Shape) if each.name in options}
    chosen = Options(name=name, output=Path(folder), spec=spec_for("restore", **shape), **options)
    given = as_images(images, chosen.spec)
    kept = given[without_show(given)]
    source = f"an array of {len(given):,} images"
    run(chosen, Digits(kept, np.zeros(len(kept), np.uint8), None, None, source))
    return load(chosen.folder)
