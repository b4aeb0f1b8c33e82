"""Restorers in closed form, fitted to training digits; only they get the mask of blanked pixels.

Each maps damaged images uint8 (n, h, w) and their mask, bool of the same shape, to restored images.
Pixels that were not blanked stay unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sw.data.protocol import SHARE
from sw.judge.metrics import closeness
from sw.runs.ordinary import ordinary

__all__ = ["ClosedForms"]

BATCH = 200
NEIGHBOURS = 20
RIDGE = 1e-3  # variance added to each pixel, peak 1: some pixels never have ink
SIGMAS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)  # pixels
CHOOSING = 1000  # training digits that select one of them

Progress = Callable[[int], None]


def quiet(done: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, eq=False)
class ClosedForms:
    """The four forms, fitted to ``images``, training digits uint8 (n, h, w), when first used."""

    images: np.ndarray

    @cached_property
    def rows(self) -> Tensor:
        """Training digits, float32 (n, pixels) from 0 to 1."""
        return torch.from_numpy(self.images.reshape(len(self.images), -1)).float() / 255

    @cached_property
    def mean(self) -> Tensor:
        """Mean of each pixel."""
        return self.rows.mean(0)

    @cached_property
    def covariance(self) -> Tensor:
        """Covariance of the pixels, float64, with the ridge."""
        centred = (self.rows - self.mean).double()
        found = centred.T @ centred / len(centred)
        return found + RIDGE * torch.eye(len(found), dtype=torch.float64)

    @cached_property
    def sigma(self) -> float:
        """Width of the kernel of the normalised convolution, in pixels: the best of a few."""
        originals = self.images[:CHOOSING]
        drawn = np.random.default_rng(0).random(originals.shape)
        blanked = drawn < np.quantile(drawn, SHARE, axis=(1, 2), keepdims=True)
        damaged = np.where(blanked, np.uint8(0), originals)

        def psnr(sigma: float) -> float:
            filled = fill(damaged, blanked, lambda x, m: smooth(x, m, sigma))
            return closeness(filled, originals).psnr_mean

        return max(SIGMAS, key=psnr)

    def mean_fill(
        self, damaged: np.ndarray, blanked: np.ndarray, progress: Progress = quiet
    ) -> np.ndarray:
        """Fill each blanked pixel with its mean over the training digits."""
        return fill(damaged, blanked, lambda x, m: self.mean.expand_as(x), progress)

    def convolution(
        self, damaged: np.ndarray, blanked: np.ndarray, progress: Progress = quiet
    ) -> np.ndarray:
        """Fill each blanked pixel with the Gaussian-weighted mean of the known pixels around it."""
        return fill(damaged, blanked, lambda x, m: smooth(x, m, self.sigma), progress)

    def nearest(
        self, damaged: np.ndarray, blanked: np.ndarray, progress: Progress = quiet
    ) -> np.ndarray:
        """Fill with the mean of the training digits that are nearest in the known pixels."""
        return fill(damaged, blanked, self.neighbours, progress)

    def gaussian(
        self, damaged: np.ndarray, blanked: np.ndarray, progress: Progress = quiet
    ) -> np.ndarray:
        """Fill with the conditional mean of one Gaussian over all digits."""
        return fill(damaged, blanked, self.conditional, progress)

    def neighbours(self, damaged: Tensor, blanked: Tensor) -> Tensor:
        """Return the mean of the nearest training digits for rows (B, pixels)."""
        known = (~blanked).float()
        # |x - t|^2 over the known pixels, without the part that is the same for every t.
        distances = torch.addmm(known @ self.squares, damaged * known, self.rows.T, alpha=-2.0)
        nearest = distances.topk(min(NEIGHBOURS, len(self.rows)), largest=False).indices
        return self.rows[nearest].mean(1)

    @cached_property
    def squares(self) -> Tensor:
        """Squares of the training digits, (pixels, n)."""
        return self.rows.T.square()

    def conditional(self, damaged: Tensor, blanked: Tensor) -> Tensor:
        """Return the conditional mean of every pixel given the known ones, for rows (B, pixels)."""
        filled = []
        for row, missing in zip(damaged.double(), blanked, strict=True):
            known = ~missing
            excess = row[known] - self.mean[known]
            factor = torch.linalg.cholesky(self.covariance[known][:, known])
            weights = torch.cholesky_solve(excess[:, None], factor)
            filled.append(self.mean + (self.covariance[:, known] @ weights)[:, 0])
        return torch.stack(filled).float()


def smooth(rows: Tensor, blanked: Tensor, sigma: float) -> Tensor:
    """Return the Gaussian-weighted mean of known pixels around each, for rows (B, pixels)."""
    side = int(rows.shape[1] ** 0.5)
    radius = side - 1  # all pixels count: far ones serve where no near one is known
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2).clamp(min=1e-100)

    def blur(images: Tensor) -> Tensor:
        wide = functional.conv2d(images, kernel.view(1, 1, 1, -1), padding=(0, radius))
        return functional.conv2d(wide, kernel.view(1, 1, -1, 1), padding=(radius, 0))

    known = (~blanked).double().view(-1, 1, side, side)
    sums, weights = blur(rows.double().view_as(known) * known), blur(known)
    # An image without a known pixel has no known ink.
    return (sums / weights.clamp(min=1e-300)).view_as(rows).float()


@ordinary()
def fill(
    damaged: np.ndarray,
    blanked: np.ndarray,
    guess: Callable[[Tensor, Tensor], Tensor],
    progress: Progress = quiet,
) -> np.ndarray:
    """Fill blanked pixels with the results of ``guess``, which gets rows from 0 to 1 and masks."""
    count = len(damaged)
    filled = np.empty((count, damaged[0].size), np.uint8)
    with torch.inference_mode():
        for begin in range(0, count, BATCH):
            batch = slice(begin, begin + BATCH)
            codes = torch.from_numpy(damaged[batch]).flatten(1)
            missing = torch.from_numpy(blanked[batch]).flatten(1)
            guessed = (guess(codes.float() / 255.0, missing) * 255).round().clamp(0, 255)
            filled[batch] = torch.where(missing, guessed.to(torch.uint8), codes).numpy()
            progress(len(codes))
    return filled.reshape(damaged.shape)
