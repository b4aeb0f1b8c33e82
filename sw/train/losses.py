"""What a batch came to: its loss, the errors of its digits, the price of states near the limits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sw.train.options import Options

__all__ = ["UNIT", "Loss", "closeness", "overflow", "squared_error"]

UNIT = 32.0  # codes in which motion and overflow are priced
LIMIT, OVERFLOW = 120.0, 0.1  # codes from which a state is priced for its size; that price
SMALL = 1e-3  # squared error that the loss on a logarithmic scale does not look below


class Loss(NamedTuple):
    """What a batch came to."""

    value: Tensor
    errors: Tensor
    """Mean squared error of each restored digit, full scale being 1."""


def closeness(errors: Tensor, options: Options) -> Tensor:
    """Return the loss of mean squared errors (n,): their mean, or the mean of their logarithm."""
    if options.criterion == "mse":
        return errors.mean()
    return SMALL * 5 * (errors + SMALL).log().mean()


def squared_error(shown: Tensor, originals: Tensor) -> Tensor:
    """Return the mean squared error of each image, full scale being 1: (n,)."""
    return ((shown - originals) / 255).square().mean((1, 2))


def overflow(states: Tensor) -> Tensor:
    """Return the price of states that are near their limits: what saturates tells nothing more."""
    return OVERFLOW * torch.relu(states.abs() - LIMIT).mean() / UNIT
