"""A linear layer that a batch runs through many times, its gradient found in one product.

The gate answers after every step. Autograd would write and add up a gradient as large as its
weights for each answer; the products of all answers together are one matrix product.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["Linear"]

Uses = list[tuple[Tensor, Tensor]]


class Linear(NamedTuple):
    """A weight (outputs, inputs) and a bias (outputs,), for the steps of one batch."""

    weight: Tensor
    bias: Tensor
    uses: Uses
    """Inputs (B, inputs) and gradients (B, outputs) of the uses that are differentiated so far."""

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Linear:
        """Return the layer; what is given receives the gradient when all uses are through."""
        uses: Uses = []
        passed, bias = Gather.apply(weight, bias, uses)
        return cls(passed, bias, uses)

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        result: Tensor = Use.apply(x, *self)
        return result


class Gather(torch.autograd.Function):
    """Give weights to their uses, and take the gradient of all of them at once."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, uses: Uses) -> tuple[Tensor, Tensor]:
        """Pass the weights on."""
        ctx.uses = uses
        return weight.view_as(weight), bias.view_as(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, None]:
        """Add the uses' gradients to what else there is; autograd has been through each by now."""
        if ctx.uses:
            inputs, gradients = map(torch.cat, zip(*ctx.uses, strict=True))
            ctx.uses.clear()
            weight = weight.addmm(gradients.t(), inputs)
            bias = bias + gradients.sum(0)
        return weight, bias, None


class Use(torch.autograd.Function):
    """Run through the layer; the weights' gradient is left to `Gather`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, uses: Uses) -> Tensor:
        """Return the layer's results."""
        ctx.save_for_backward(x, weight)
        ctx.uses = uses
        return torch.addmm(bias, x, weight.t())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the input's gradient, and note what the weights' one needs."""
        x, weight = ctx.saved_tensors
        ctx.uses.append((x, gradient))
        return gradient @ weight, None, None, None
