"""A linear layer for many uses in one batch: one product computes the gradient of all uses.

The gate answers after many steps of a batch. For each answer, Autograd would compute a gradient as
large as the weights and add it up. Here one matrix product serves all answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["Linear"]

Uses = list[tuple[Tensor, Tensor]]


class Linear(NamedTuple):
    """A layer for the steps of one batch: weight (outputs, inputs) and bias (outputs,)."""

    weight: Tensor
    bias: Tensor
    uses: Uses
    """Inputs (B, inputs) and gradients (B, outputs) of the uses whose backward pass has run."""

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Linear:
        """Return the layer; weight and bias get their gradient after the last backward pass."""
        uses: Uses = []
        passed, bias = Gather.apply(weight, bias, uses)
        return cls(passed, bias, uses)

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        result: Tensor = Use.apply(x, *self)
        return result


class Gather(torch.autograd.Function):
    """Pass weights to their uses; compute the gradient of all uses at once."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, uses: Uses) -> tuple[Tensor, Tensor]:
        """Return the weights."""
        ctx.uses = uses
        return weight.view_as(weight), bias.view_as(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, None]:
        """Add the gradients of the uses, whose backward passes have all run by now."""
        if ctx.uses:
            inputs, gradients = map(torch.cat, zip(*ctx.uses, strict=True))
            ctx.uses.clear()
            weight = weight.addmm(gradients.t(), inputs)
            bias = bias + gradients.sum(0)
        return weight, bias, None


class Use(torch.autograd.Function):
    """Apply the layer; `Gather` computes the gradient of the weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, uses: Uses) -> Tensor:
        """Return the layer's results."""
        ctx.save_for_backward(x, weight)
        ctx.uses = uses
        return torch.addmm(bias, x, weight.t())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the input's gradient; store the data for the weights' gradient."""
        x, weight = ctx.saved_tensors
        ctx.uses.append((x, gradient))
        return gradient @ weight, None, None, None
