"""A trained baseline as a teacher: what it makes of damaged digits is mixed into the aim."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from sw.model.baselines.shelf import load_shipped
from sw.train.options import Options

__all__ = ["aim"]

TAUGHT = 0.5  # share of the teacher's restoration


def aim(originals: Tensor, damaged: Tensor, options: Options) -> Tensor:
    """Return what shall be shown, pixel codes (n, image, image): the originals unless taught."""
    if options.teacher is None:
        return originals
    network = teacher(options.teacher).to(damaged.device)
    with torch.no_grad():
        taught = network(damaged[:, None] / 255)[:, 0].clamp(0, 1) * 255
    return originals.lerp(taught, TAUGHT)


@cache
def teacher(name: str) -> nn.Module:
    """Return the baseline of that name; it stays as it is."""
    return load_shipped(name)
