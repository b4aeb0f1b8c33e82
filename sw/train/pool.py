"""States that a run carries on from batch to batch, so that hundreds of steps are trained by tens.

Only a few steps are ever back-propagated; the pool remembers where they led, and what each state is
meant to show. States born of noise have no digit of their own: `Prototypes` assigns one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from golden.spec import Spec

__all__ = ["Pool", "Prototypes", "medoids"]

PER_CLASS = 400  # digits that a medoid is looked for among
MEMORY = 0.99  # of the projections' running mean and spread
LATTICE_MEMORY = 0.95  # of the running mean of a prototype's lattices
BALANCE = 0.05  # how fast a class that is chosen too often loses favour
SETTLED = 60  # steps after which a noise-born state keeps the digit it shows
CLEAR = 0.05  # squared error to a prototype, full scale being 1, up to which it shows that digit
OLD = 400  # steps after which a state makes room first


def medoids(images: np.ndarray, labels: np.ndarray) -> Tensor:
    """Return the image of each class that is closest to its fellows: pixel codes (n, h, w).

    MNIST has ten classes.
    """
    found = []
    for label in np.unique(labels):
        some = torch.from_numpy(images[labels == label][:PER_CLASS].astype(np.float32))
        distances = torch.cdist(some.flatten(1), some.flatten(1)).sum(1)
        found.append(some[distances.argmin()])
    return torch.stack(found)


@dataclass
class Prototypes:
    """Ten digits that noise may fall into, and who falls where.

    A state of noise is assigned the digit that its early plane looks most like. A bias per digit
    keeps them equally frequent: otherwise all noise ends in two or three.
    """

    images: Tensor
    """Pixel codes (10, image, image)."""
    mean: Tensor
    square: Tensor
    bias: Tensor
    lattices: Tensor | None = None
    """Mean lattice of the old states of each, codes (10, channels, height, width), or NaN."""

    @classmethod
    def of(cls, images: Tensor) -> Prototypes:
        """Begin with no experience."""
        zeros = images.new_zeros(len(images))
        return cls(images, zeros, zeros + 1.0, zeros.clone())

    def assign(self, planes: Tensor, spec: Spec) -> Tensor:
        """Return the class of each plane (n, height, width): int64 (n,)."""
        top, left = spec.margins
        patterns = functional.pad(self.images, (left, left, top, top)).flatten(1)
        patterns = patterns - patterns.mean(1, keepdim=True)
        patterns = patterns / patterns.norm(dim=1, keepdim=True).clamp(min=1e-6)
        scores = planes.detach().flatten(1) @ patterns.T
        self.mean = self.mean.lerp(scores.mean(0), 1 - MEMORY)
        self.square = self.square.lerp(scores.square().mean(0), 1 - MEMORY)
        spread = (self.square - self.mean.square()).clamp(min=1e-6).sqrt()
        chosen = ((scores - self.mean) / spread + self.bias).argmax(1)
        share = torch.bincount(chosen, minlength=len(self.bias)) / max(1, len(chosen))
        self.bias = self.bias - BALANCE * (share - 1 / len(self.bias))
        return chosen

    def read_digits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prototype nearest to each image (n, image, image), and whether it is near."""
        distances = torch.cdist(images.detach().flatten(1), self.images.flatten(1)) / 255
        nearest = distances.min(1)
        return nearest.indices, nearest.values.square() <= CLEAR * self.images[0].numel()

    def deviations(self, states: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the squared deviation (n,) of lattices from the mean lattice of their prototype.

        It is weighted, and zero for what shall show something else than a prototype. Lattices of
        weight move the mean.
        """
        shall_show = (targets[:, None] == self.images).flatten(2).all(2)  # (n, 10)
        if self.lattices is None:
            self.lattices = states.new_full((len(self.images), *states.shape[1:]), torch.nan)
        deviations = states.new_zeros(len(states))
        for digit, rows in enumerate((shall_show & (weights > 0)[:, None]).T):
            if rows.any():
                mean = states[rows].detach().mean(0)
                known = self.lattices[digit].lerp(mean, 1 - LATTICE_MEMORY)
                self.lattices[digit] = torch.where(known.isnan(), mean, known)
                apart = states[rows] - self.lattices[digit]
                deviations[rows] = weights[rows] * apart.square().mean((1, 2, 3))
        return deviations


@dataclass
class Pool:
    """States with their targets and ages; see the module."""

    states: Tensor
    """Codes (n, channels, height, width)."""
    targets: Tensor
    """Pixel codes (n, image, image)."""
    ages: Tensor
    """Steps run so far, int64 (n,); all of one phase of the gate."""
    open: Tensor
    """Whether a noise-born state has yet to settle on a digit: bool (n,)."""

    def put(
        self, states: Tensor, targets: Tensor, age: int, noise: bool, rng: np.random.Generator
    ) -> None:
        """Take states in, in the place of the oldest if they are old, else of any."""
        old = self.ages.cpu().numpy()
        rank = rng.permutation(len(old)) + len(old) * np.where(old > OLD, old, 0)
        rows = torch.from_numpy(rank.argsort()[::-1][: len(states)].copy()).to(states.device)
        self.states[rows] = states.detach()
        self.targets[rows] = targets
        self.ages[rows] = age
        self.open[rows] = noise

    def carry(
        self, rows: Tensor, states: Tensor, shown: Tensor, steps: int, by: Prototypes
    ) -> None:
        """Put back rows that ran on by ``steps``; noise settles on the digit that it shows.

        While it shows none it keeps the one it was assigned: else what a rule that holds nothing
        yet makes of all noise would become the one digit that noise is held to.
        """
        self.states[rows] = states.detach()
        self.ages[rows] += steps
        settles = self.open[rows] & (self.ages[rows] > SETTLED)
        if settles.any():
            digits, clear = by.read_digits(shown[settles])
            settled = rows[settles][clear]
            self.targets[settled] = by.images[digits[clear]]
            self.open[settled] = False
