"""One step of the rule as one function in C++, forward and backward: several times plain torch.

The hidden codes are never stored: the backward pass computes them anew. Rounding, saturation and
their straight-through gradients are inside. Codes are those of `sw.model.step`'s plain step, bit
for bit, and so are its gradients but for the order in which they are summed.
"""

from __future__ import annotations

import os
import sys
from ctypes import CDLL, c_int, c_void_p
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from golden.spec import Spec
from sw.model.fused.build import Unavailable, library

__all__ = ["fused_step", "step_library"]

told: set[str] = set()


def step_library(spec: Spec, device: torch.device) -> CDLL | None:
    """Return the library of the fused step, or None where plain torch must do; that is said once.

    ``THALWEG_FUSED=0`` turns the fused step off.
    """
    try:
        if device.type != "cpu":
            raise Unavailable(f"on {device.type}")
        if spec.boundary != "zero":
            raise Unavailable(f"for the boundary {spec.boundary!r}")
        if os.environ.get("THALWEG_FUSED") == "0":
            raise Unavailable("with THALWEG_FUSED=0")
        return library(spec.channels, spec.multiplier)
    except Unavailable as reason:
        text = f"plain torch runs the training step, not the fused one: {reason}"
        if text not in told:
            told.add(text)
            print(text, file=sys.stderr, flush=True)
        return None


def addresses(*tensors: Tensor | None) -> list[c_void_p]:
    """Return where contiguous tensors lie; null for none."""
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
        """Return the gradients of the five tensors; of a frozen rule's weights none."""
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
    """Return the states one step on.

    Parameters
    ----------
    states
        Codes (B, channels, height, width).
    kernels, offsets, update
        As in `sw.model.step.TrainingMachine`.
    functions
        What `step_library` returned for the spec.
    exact
        Whether hidden codes are rounded and the change is cut; else nothing is.
    """
    result: Tensor = FusedStep.apply(states, kernels, offsets, *update, (functions, exact))
    return result
