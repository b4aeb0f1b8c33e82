"""Training of a baseline: from data to shipped weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from golden.errors import InputError
from sw.data.load import Digits, load
from sw.experiments.baselines.settings import LOSSES, SETTINGS
from sw.experiments.baselines.ship import ship
from sw.experiments.baselines.train import train
from sw.model.baselines.models import IMAGE, MODELS
from sw.model.baselines.shelf import SHIPPED
from sw.runs.memory import keep_memory
from sw.train.bounds import require_within
from sw.train.options import BOUNDS, require_device

__all__ = ["make"]

HELD_OUT = 10
"""At most one in so many training images only selects the best averages."""


def make(
    name: str,
    data: Path | None,
    output: Path,
    *,
    threads: int,
    device: str,
    shipping: bool,
    **changes: Any,
) -> Path:
    """Train a baseline with its settings, but for changes that are not None; return its weights."""
    require_known(name, MODELS)
    require_known(changes.get("loss"), LOSSES)
    require_device(device)
    for field, number in {"threads": threads, **changes}.items():
        if field != "loss" and number is not None:
            require_within(field, number, BOUNDS[field])
    given = {key: value for key, value in changes.items() if value is not None}
    settings = replace(SETTINGS[name], **given)
    digits = load(data, download=True)
    require_images(digits.train_images)
    require_shippable(digits, shipping)
    most = len(digits.train_images) // HELD_OUT
    settings = replace(settings, held_out=min(settings.held_out, most))
    torch.set_num_threads(threads)
    keep_memory()
    folder = output / name
    training = train(name, settings, digits.train_images, digits.digest, folder, device)
    path = ship(name, training, settings, digits, folder, data=data)
    return ship(name, training, settings, digits, SHIPPED, data=data) if shipping else path


def require_known(name: str | None, allowed: Collection[str]) -> None:
    """Raise where a name is given that is none of those there are."""
    if name is not None and name not in allowed:
        raise InputError(f"Baselines know {', '.join(allowed)}, not {name!r}")


def require_images(images: np.ndarray) -> None:
    """Raise unless there are images of the right size, one of them to hold out."""
    count, *size = images.shape
    if size != [IMAGE, IMAGE] or count < HELD_OUT:
        raise InputError(
            f"Training data must be at least {HELD_OUT} images of {IMAGE} x {IMAGE}, "
            f"not {count} of {size[0]} x {size[1]}"
        )


def require_shippable(digits: Digits, shipping: bool) -> None:
    """Raise where a network of other images than MNIST's is to ship."""
    if shipping and digits.facts:
        raise InputError(f"--ship must come with MNIST's digits, not with {digits.source}")
