"""The training of a baseline from data to shipped weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from golden.errors import InputError
from sw.data.load import load
from sw.experiments.baselines.recipe import LOSSES, RECIPES
from sw.experiments.baselines.ship import ship
from sw.experiments.baselines.train import train
from sw.model.baselines.models import IMAGE, MODELS
from sw.model.baselines.shelf import SHIPPED
from sw.runs.memory import keep_memory
from sw.train.bounds import require_within
from sw.train.options import BOUNDS, require_device

__all__ = ["make"]


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
    """Train a baseline by its recipe, but for changes that are not None; return its weights."""
    for found, allowed in ((name, MODELS), (changes.get("loss"), LOSSES)):
        if found is not None and found not in allowed:
            raise InputError(f"Baselines know {', '.join(allowed)}, not {found!r}")
    require_device(device)
    for field, number in {"threads": threads, **changes}.items():
        if field != "loss" and number is not None:
            require_within(field, number, BOUNDS[field])
    given = {key: value for key, value in changes.items() if value is not None}
    recipe = replace(RECIPES[name], **given)
    digits = load(data, download=True)
    count, *size = digits.train_images.shape
    if size != [IMAGE, IMAGE] or count <= recipe.held_out:
        raise InputError(
            f"Training data must be more than {recipe.held_out} images of {IMAGE} x {IMAGE}, "
            f"not {count} of {size[0]} x {size[1]}"
        )
    torch.set_num_threads(threads)
    keep_memory()
    folder = output / name
    training = train(name, recipe, digits.train_images, digits.digest, folder, device)
    path = ship(name, training, recipe, digits, folder)
    return ship(name, training, recipe, digits, SHIPPED) if shipping else path
