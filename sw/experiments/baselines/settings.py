"""Recipes of the baselines' training, fixed before any result of ours was tuned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sw.data.protocol import SHARE

__all__ = ["LOSSES", "SETTINGS", "Settings"]

FLOOR = 1e-4  # 40 dB: a better restoration has no smaller loss


def mean_squared_error(errors: Tensor) -> Tensor:
    """Return the mean squared error of a batch, given that of each image, peak 1."""
    return errors.mean()


def log_squared_error(errors: Tensor) -> Tensor:
    """Return the mean over images of the error's logarithm: the negative mean PSNR, scaled."""
    return (errors + FLOOR).log().mean()


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": mean_squared_error,
    "log-mse": log_squared_error,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A training: linear warm-up, cosine to zero, averaged weights, of which the best are taken."""

    batches: int
    batch: int = 64
    """Digits in a batch, each with a fresh mask."""
    optimiser: str = "muon"
    """``muon`` for hidden weights, whose steps are orthogonal in each layer, and AdamW for the
    others (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024); or
    ``adamw`` for all."""
    rate: float = 1e-3
    """Peak learning rate of AdamW."""
    hidden_rate: float = 5.0
    """Learning rate of Muon as a multiple of ``rate``."""
    weight_decay: float = 0.1
    warm_up: int = 500
    """Batches in which the rate rises."""
    averaging: float = 0.998
    """Factor of the moving average at each batch."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    precision: str = "float32"
    """Precision of convolutions and products: bfloat16 is faster on a CPU that has it."""
    loss: str = "log-mse"
    damage: float = SHARE
    """Share of the pixels that are blanked."""
    held_out: int = 2000
    """Number of training digits, the last ones, that only select the best averages; of a small set
    a tenth."""
    check_every: int = 500
    """Batches between two measurements on them."""
    seed: int = 0

    def rate_at(self, batch: int) -> float:
        """Return the learning rate of a batch, counted from 0."""
        rising = min(1.0, (batch + 1) / self.warm_up)
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * batch / self.batches))

    def keep_at(self, batch: int) -> float:
        """Return the factor of the average: small at first, to forget early weights."""
        return min(self.averaging, (1 + batch) / (10 + batch))

    def loss_of(self, restored: Tensor, originals: Tensor) -> Tensor:
        """Return the loss of restored images, both float32 (B, 1, h, w) from 0 to 1."""
        errors = torch.mean((restored - originals).square(), dim=(1, 2, 3))
        return LOSSES[self.loss](errors)


SETTINGS = {
    "autoencoder": Settings(batches=10_000, rate=2e-3),
    "unet": Settings(batches=80_000, batch=32, rate=2e-3, precision="bfloat16"),
    "mlp": Settings(batches=12_000, optimiser="adamw", weight_decay=1e-2),
}
"""The settings of each network."""
