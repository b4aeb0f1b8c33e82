"""Fast quantisation of weights: one pass over them, where Brevitas makes about ten."""

from __future__ import annotations

from ctypes import CDLL, c_float, c_int, c_void_p
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sw.model.quantisers import Place

__all__ = ["quantise_weight"]


class Quantise(torch.autograd.Function):
    """Round and clamp weights; the gradient is straight-through, but 0 where they were clamped."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, exponents: Tensor, place: Place, functions: CDLL
    ) -> Tensor:
        """Return the weights that map codes of the place's source to codes of its target."""
        shift = place.target - place.source
        up, down = torch.exp2(exponents.float()), torch.exp2(shift - exponents.float())
        low, high = float(place.codes[0]), float(place.codes[-1])
        sizes = len(up), weight.numel() // len(up), torch.get_num_threads()
        ctx.bounds = c_float(2.0**shift), c_float(low), c_float(high)
        ctx.sizes, ctx.functions = [c_int(n) for n in sizes], functions
        ctx.save_for_backward(weight, up)
        result = torch.empty_like(weight)
        pointers = [c_void_p(x.data_ptr()) for x in (weight, up, down)]
        functions.thalweg_quantise(
            *pointers, *ctx.bounds[1:], c_void_p(result.data_ptr()), *ctx.sizes
        )
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the weights that were not clamped."""
        weight, up = ctx.saved_tensors
        gradient, result = gradient.contiguous(), torch.empty_like(weight)
        inputs = [c_void_p(x.data_ptr()) for x in (weight, up)]
        outputs = [c_void_p(x.data_ptr()) for x in (gradient, result)]
        ctx.functions.thalweg_quantise_back(*inputs, *ctx.bounds, *outputs, *ctx.sizes)
        return result, None, None, None


def quantise_weight(weight: Tensor, exponents: Tensor, place: Place, functions: CDLL) -> Tensor:
    """Return ``weight`` as Brevitas quantises it, times ``2**(target - source)``, bit for bit.

    Parameters
    ----------
    weight
        Contiguous, with one row (or filter) per output.
    exponents
        Fracs of the weights, one per output.
    place
        Quantisation of the layer.
    functions
        The library that `step_library` returned.
    """
    result: Tensor = Quantise.apply(weight, exponents, place, functions)
    return result
