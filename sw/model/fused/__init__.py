"""The fused step: one step of the rule in C++, forward and backward, faster than plain torch.

Hidden codes are not stored: the backward pass computes them again. Rounding, saturation and their
straight-through gradients are included. Codes equal those of the plain step in `sw.model.step` bit
for bit; gradients differ only by the order of summation.
"""

from __future__ import annotations

import os
import sys
from ctypes import CDLL, c_int, c_void_p
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from golden.native.build import Source, Unavailable, library
from golden.spec import Spec

__all__ = ["fused_step", "step_library"]

STEP = Source(
    path=Path(__file__).with_name("step.cpp"),
    functions=("thalweg_forward", "thalweg_backward"),
    title="fused training step",
)

told: set[str] = set()


def step_library(spec: Spec, device: torch.device) -> CDLL | None:
    """Return the library of the fused step; None if plain torch must serve, which is said once.

    ``THALWEG_FUSED=0`` turns the fused step off.
    """
    try:
        if device.type != "cpu":
            raise Unavailable(f"on {device.type}")
        if spec.boundary != "zero":
            raise Unavailable(f"for the boundary {spec.boundary!r}")
        if os.environ.get("THALWEG_FUSED") == "0":
            raise Unavailable("with THALWEG_FUSED=0")
        return library(STEP, spec.channels, spec.multiplier)
    except Unavailable as reason:
        text = f"plain torch runs the training step, not the fused one: {reason}"
        if text not in told:
            told.add(text)
            print(text, file=sys.stderr, flush=True)
        return None


def addresses(*tensors: Tensor | None) -> list[c_void_p]:
    """Return the addresses of contiguous tensors, null for None."""
    return [c_void_p(None if tensor is None else tensor.data_ptr()) for tensor in tensors]


class FusedStep(torch.autograd.Function):
    """One step of the rule; all tensors float32 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        kernels: Tensor,
        offsets: Tensor,
        mixes: Tensor,
        bias: Tensor,
        by: tuple[CDLL, bool],
    ) -> Tensor:
        """Return the new states; shapes as in `fused_step`, ``by`` its functions and exactness."""
        functions, exact = by
        inputs = [x.contiguous() for x in (states, kernels, offsets, mixes, bias)]
        batch, _, height, width = states.shape
        result = torch.empty_like(inputs[0])
        ctx.sizes = [c_int(n) for n in (batch, height, width, exact, torch.get_num_threads())]
        ctx.functions = functions
        functions.thalweg_forward(*addresses(*inputs, result), *ctx.sizes)
        ctx.save_for_backward(*inputs, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the five tensors; None for the weights of a frozen rule."""
        saved, gradient = ctx.saved_tensors, gradient.contiguous()
        back = torch.empty_like(saved[0])
        frozen = not any(ctx.needs_input_grad[1:5])
        weights = [None if frozen else torch.zeros_like(weight) for weight in saved[1:5]]
        pointers = addresses(*saved, gradient, back, *weights)
        ctx.functions.thalweg_backward(*pointers, *ctx.sizes)
        return back, *weights, None


def fused_step(
    states: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    update: tuple[Tensor, Tensor],
    functions: CDLL,
    exact: bool,
) -> Tensor:
    """Return the states after one more step.

    Parameters
    ----------
    states
        Codes (B, channels, height, width).
    kernels, offsets, update
        As in `sw.model.step.TrainingMachine`.
    functions
        The library that `step_library` returned for the spec.
    exact
        Whether hidden codes are rounded and the change is cut.
    """
    result: Tensor = FusedStep.apply(states, kernels, offsets, *update, (functions, exact))
    return result
