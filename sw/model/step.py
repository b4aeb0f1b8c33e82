"""The machine of training: rule and gate on codes, faster than Brevitas with equal results.

Brevitas has the weights and quantises them once a batch for `TrainingMachine`. In the float
warm-up the machine is not exact: nothing is rounded, and only the states saturate.
"""

from __future__ import annotations

from ctypes import CDLL
from dataclasses import dataclass, replace
from typing import Any

import brevitas.nn as qnn
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from golden.fixed import GATE_HIDDEN, HIDDEN, PIXEL, STATE, Format
from golden.machine import Loop
from golden.spec import Spec
from sw.model.fused import fused_step, step_library
from sw.model.fused.weights import quantise_weight
from sw.model.gate import Gate, cut, field_of
from sw.model.linear import Linear
from sw.model.quantisers import GATE_INPUT, GATE_OUTPUT, Place
from sw.model.rule import Rule

__all__ = ["TrainingMachine"]

between = torch.ops.aten.hardtanh_backward  # the gradient is 0 unless low < x < high


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingMachine(Loop[Tensor]):
    """The machine on codes, float32 (B, channels, height, width), with gradients.

    Its weights and biases map codes to codes; biases include a half where rounding follows.
    """

    spec: Spec
    exact: bool
    """Whether codes are rounded as the chip does."""
    encoder: tuple[Tensor, Tensor]
    kernels: Tensor
    """A depth-wise set of filters for each filter of a channel: (M, channels, 1, 3, 3)."""
    offsets: Tensor
    """(M, channels)."""
    update: tuple[Tensor, Tensor]
    """Weight and bias; inputs are in the order of the kernels."""
    reader: tuple[Tensor, Tensor]
    network: tuple[Linear, Linear] | None
    plane_bits: int = STATE.width
    """Number of upper bits of a plane's codes that the gate reads."""
    dropout: float = 0.0
    """Share of the gate's hidden units that dropout clears."""
    stretch: float = 1.0
    """Factor of the length of a step; see `stretched`."""

    @classmethod
    def of(cls, rule: Rule, gate: Gate | None, dropout: float = 0.0) -> TrainingMachine:
        """Gather the weights of a batch; gradients flow back to the models."""
        exact = rule.exponents is not None
        half, spec = 0.5 * exact, rule.spec
        functions = step_library(spec, rule.update.weight.device) if exact else None
        layers = (rule.encode, rule.perceive, rule.update, rule.readout)
        halves = half, half, 0.0, half
        fracs = rule.exponents or (None,) * 4
        encode, perceive, update, readout = (
            scale_layer(*layer, functions)
            for layer in zip(layers, rule.places, halves, fracs, strict=True)
        )
        weight, bias = perceive
        kernels = weight.view(spec.channels, spec.multiplier, 1, 3, 3).transpose(0, 1)
        mixes = update[0].view(spec.channels, spec.channels, spec.multiplier).transpose(1, 2)
        network = None
        if gate is not None:
            hidden, output = gate.exponents or (None, None)
            network = (
                Linear.of(*scale_layer(gate.hidden, GATE_INPUT, half, hidden, functions)),
                Linear.of(*scale_layer(gate.output, GATE_OUTPUT, half, output, functions)),
            )
        return cls(
            spec=spec,
            exact=exact,
            encoder=encode,
            kernels=kernels.contiguous(),
            offsets=bias.view(spec.channels, spec.multiplier).T.contiguous(),
            update=(mixes.reshape(spec.channels, spec.filters, 1, 1), update[1]),
            reader=readout,
            network=network,
            plane_bits=STATE.width if gate is None else gate.plane_bits,
            dropout=dropout,
        )

    def stretched(self, times: float) -> TrainingMachine:
        """Return a machine with longer steps: every change of a state is larger by this factor.

        States at rest stay the same. A rule that comes to rest with longer steps has a margin with
        usual ones: its dead zone is wider, and it does not overshoot the state it returns to.
        """
        weight, bias = self.update
        return replace(self, update=(weight * times, bias * times), stretch=times)

    def encode(self, images: Tensor) -> Tensor:
        """Return the lattices of pixel codes (B, image, image)."""
        top, left = self.spec.margins
        padded = functional.pad(images[:, None], (left, left, top, top))
        return self.rounded(functional.conv2d(padded, *self.encoder))

    def step(self, states: Tensor) -> Tensor:
        """Return the states after one more step of the rule; fused if there is a compiler."""
        functions = step_library(self.spec, states.device)
        if functions is None:
            return self.plain_step(states)
        kernels, offsets = self.kernels, self.offsets
        return fused_step(states, kernels, offsets, self.update, functions, self.exact)

    def plain_step(self, states: Tensor) -> Tensor:
        """Return the same, computed in plain torch."""
        padding = 1
        source = states = states.contiguous(memory_format=torch.channels_last)
        if self.spec.boundary == "wrap":
            source, padding = functional.pad(states, (1, 1, 1, 1), mode="circular"), 0
        sums = perceive(source, self.kernels, self.offsets, padding)
        change = functional.conv2d(relu(sums, HIDDEN, self.exact), *self.update)
        # Cut before adding: in one sum, float32 would round first.
        whole = Whole.apply(change) if self.exact else change
        result: Tensor = Bounded.apply(states + whole)
        return result

    def planes(self, states: Tensor) -> Tensor:
        """Return the planes that the gate reads: codes (B, cells)."""
        assert self.spec.gate is not None
        planes = states[:, self.spec.gate.input_channel].reshape(len(states), self.spec.cells)
        return cut(planes, self.plane_bits)

    def answer(self, states: Tensor) -> Tensor:
        """Return the deltas (B, cells / 4) to the planes of states."""
        return self.deltas(self.planes(states))

    def deltas(self, planes: Tensor) -> Tensor:
        """Map planes (B, cells) to deltas (B, cells / 4); dropout acts on the hidden units."""
        assert self.network is not None
        first, second = self.network
        hidden = relu(first(planes), GATE_HIDDEN, self.exact)
        if self.dropout:
            hidden = functional.dropout(hidden, self.dropout)
        delta = second(hidden)
        if self.stretch != 1:
            half = 0.5 * self.exact
            delta = (delta - half) * self.stretch + half
        return self.rounded(delta)

    def deliver(self, states: Tensor, deltas: Tensor, step: int) -> Tensor:
        """Return the states with the deltas of the opening after ``step`` added."""
        assert self.spec.gate is not None
        field = field_of(deltas, self.spec, step)[:, 0]
        result: Tensor = Deliver.apply(states, field, self.spec.gate.output_channel)
        return result

    def readout(self, states: Tensor) -> Tensor:
        """Return pixel codes (B, image, image); the gradient passes through the saturation.

        A rightly saturated pixel has no error; a wrongly saturated one gets a gradient.
        """
        weight, bias = self.reader
        rows, columns = self.spec.window
        # A product over the channels is three times as fast as a convolution of the window.
        sums = torch.matmul(weight.flatten(1), states.flatten(2)) + bias
        shown = sums.view(-1, self.spec.height, self.spec.width)[:, rows, columns]
        codes = shown.detach().clamp(PIXEL.min, PIXEL.max)
        return shown + ((codes.floor() if self.exact else codes) - shown.detach())

    def rounded(self, x: Tensor) -> Tensor:
        """Saturate to the state's format; if exact, floor, since the bias includes the half."""
        if self.exact:
            result: Tensor = Saturate.apply(x, STATE, float(STATE.min))
            return result
        return x.clamp(STATE.min, STATE.max)


def scale_layer(
    layer: qnn.QuantConv2d | qnn.QuantLinear,
    place: Place,
    half: float,
    exponents: Tensor | None,
    functions: CDLL | None,
) -> tuple[Tensor, Tensor]:
    """Return a layer's weight and bias for codes, quantised if the layer is.

    ``exponents`` are the fracs of its weights; ``functions`` is the library of the fused step, or
    None.
    """
    factor, bias = 2.0 ** (place.target - place.source), layer.bias
    if exponents is None:
        weight = layer.weight * factor
    else:
        bias = layer.quant_bias().value
        if functions is None:
            weight = layer.quant_weight().value * factor
        else:
            weight = quantise_weight(layer.weight, exponents, place, functions)
    return weight, bias * 2.0**place.target + half


class Saturate(torch.autograd.Function):
    """Floor and clamp to a format; the gradient is straight-through inside and 0 outside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to: Format, low: float) -> Tensor:
        """Return the codes; below ``low`` the gradient is 0."""
        ctx.save_for_backward(x)
        ctx.bounds = low, to.max + 1.0
        return x.clamp(to.min, to.max).floor_()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient between the bounds, 0 elsewhere."""
        return between(gradient, ctx.saved_tensors[0], *ctx.bounds), None, None


def gradient_back(gradient: Tensor, states: Tensor) -> Tensor:
    """Return the gradient, but 0 where it drives a saturated state further out.

    Saturated states keep the gradient that leads back into the range. Without it they would stay
    saturated for ever.
    """
    out = torch.where(gradient > 0, states <= STATE.min, states >= STATE.max)
    return gradient.masked_fill(out, 0.0)


class Bounded(torch.autograd.Function):
    """Clamp to the state's format, with the gradient of `gradient_back`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Take states of any shape."""
        result = x.clamp(STATE.min, STATE.max)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Pass what does not lead further out."""
        return gradient_back(gradient, *ctx.saved_tensors)


class Deliver(torch.autograd.Function):
    """Add a field to one channel of the states and saturate it; the others stay unchanged."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, field: Tensor, channel: int) -> Tensor:
        """Take states (B, channels, height, width) and the field (B, height, width)."""
        plane = (states[:, channel] + field).clamp_(STATE.min, STATE.max)
        ctx.save_for_backward(plane)
        ctx.channel = channel
        result = states.clone()
        result[:, channel] = plane
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Pass what does not lead further out."""
        plane = gradient_back(gradient[:, ctx.channel], *ctx.saved_tensors)
        result = gradient.clone()
        result[:, ctx.channel] = plane
        return result, plane, None


class Whole(torch.autograd.Function):
    """Cut towards zero, with a straight-through gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Take changes of any shape."""
        return x.trunc()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient."""
        return gradient


def relu(x: Tensor, to: Format, exact: bool) -> Tensor:
    """Rectify; if exact, also saturate and floor, since the bias includes the half."""
    return Saturate.apply(x, to, 0.5) if exact else functional.relu(x)


def perceive(source: Tensor, kernels: Tensor, offsets: Tensor, padding: int) -> Tensor:
    """Return all filters' outputs, (B, filters, height, width), in the order of the kernels."""
    if source.is_cuda:
        # One launch instead of one for each set of filters, and no concatenation.
        return functional.conv2d(source, dense(kernels), offsets.flatten(), padding=padding)
    # Depth-wise convolutions without a multiplier run about twice as fast as one with it.
    sums = [
        functional.conv2d(source, kernel, offset, padding=padding, groups=kernels.shape[1])
        for kernel, offset in zip(kernels, offsets, strict=True)
    ]
    return torch.cat(sums, 1)


def dense(kernels: Tensor) -> Tensor:
    """Return depth-wise kernels as those of one dense convolution, mostly zeros.

    Takes (M, channels, 1, 3, 3); gives (filters, channels, 3, 3).
    """
    channels = kernels.shape[1]
    own = torch.eye(channels, device=kernels.device).view(1, channels, channels, 1, 1)
    return (own * kernels).flatten(0, 1)
