"""How each baseline is trained: fixed before any result of ours was tuned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sw.data.protocol import SHARE

__all__ = ["LOSSES", "SETTINGS", "Settings"]

FLOOR = 1e-4  # 40 dB: an image restored better than that gains nothing more


def mean_squared_error(errors: Tensor) -> Tensor:
    """Return the mean squared error of a batch, given that of each image, peak 1."""
    return errors.mean()


def log_squared_error(errors: Tensor) -> Tensor:
    """Return the mean over images of the error's logarithm: the mean PSNR, but for its sign."""
    return (errors + FLOOR).log().mean()


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": mean_squared_error,
    "log-mse": log_squared_error,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A linear warm-up and a cosine to zero, an average of the weights, and the best of them."""

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
    """Muon's, as a multiple of it."""
    weight_decay: float = 0.1
    warm_up: int = 500
    """Batches of rising rate."""
    averaging: float = 0.998
    """What is kept of the moving average at each batch."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    precision: str = "float32"
    """What convolutions and products are computed in: bfloat16 where a CPU has it is faster."""
    loss: str = "log-mse"
    damage: float = SHARE
    """Share of the pixels that are blanked."""
    held_out: int = 2000
    """Training digits, the last ones, that choose the best averages and are not learnt from."""
    check_every: int = 500
    """Batches between two looks at them."""
    seed: int = 0

    def rate_at(self, batch: int) -> float:
        """Return the learning rate of a batch, counted from 0."""
        rising = min(1.0, (batch + 1) / self.warm_up)
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * batch / self.batches))

    def keep_at(self, batch: int) -> float:
        """Return what the average keeps: little at first, so that early weights are forgotten."""
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
