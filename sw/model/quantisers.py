"""Quantisers of Brevitas with fixed power-of-two scales, which round ties upwards.

A value is ``code * 2**-frac``. A layer takes codes of frac `source`, has weights of frac `exponent`
(one per output) and returns codes of frac `target`. So its accumulator has frac
``exponent + source``, and its shift is ``exponent + source - target``.
"""

from __future__ import annotations

from dataclasses import dataclass

import brevitas.nn as qnn
import torch
from brevitas.core.function_wrapper import RoundToZeroSte, TensorClamp
from brevitas.function.ops_ste import floor_ste
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import ScalingImplType
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8BiasPerTensorFixedPointInternalScaling,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from torch import Tensor, nn

from golden.fixed import BIAS, GATE_BIAS, SHIFTS, UPDATE_BIAS, UPDATE_SHIFTS, Format
from golden.skeleton import Layer

__all__ = [
    "CHANGE",
    "ENCODE",
    "GATE_HIDDEN_FRAC",
    "GATE_INPUT",
    "GATE_OUTPUT",
    "HIDDEN_FRAC",
    "PERCEIVE",
    "PIXEL_FRAC",
    "READOUT",
    "STATE_FRAC",
    "UPDATE",
    "Place",
    "RoundHalfUp",
    "activation",
    "layer_codes",
    "quantisers",
]

STATE_FRAC = 5
HIDDEN_FRAC = 8
PIXEL_FRAC = 8
GATE_HIDDEN_FRAC = 7
CHANGE = Format(width=25)  # what the update adds: wide enough never to saturate


@dataclass(frozen=True, kw_only=True)
class Place:
    """The quantisation of a layer: fracs of its inputs and outputs, and ranges of its numbers."""

    source: int
    target: int
    bias: Format
    shifts: range
    narrow: bool = False
    """Whether the smallest code is not used, so that weights are symmetric."""
    bits: int = 8
    """Bits of a weight."""

    @property
    def codes(self) -> range:
        """Codes that weights may have."""
        half = 1 << self.bits - 1
        return range(self.narrow - half, half)

    @property
    def exponents(self) -> range:
        """Fracs that weights may have."""
        offset = self.target - self.source
        return range(self.shifts[0] + offset, self.shifts[-1] + offset + 1)

    def choose(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the largest fitting frac for each output: int64 (outputs,).

        The bias gets one bit of headroom, because it may grow. Weights saturate if no frac fits.
        """
        peak = weight.detach().double().reshape(len(bias), -1).abs().amax(1).clamp(min=2.0**-40)
        base = bias.detach().double().abs().clamp(min=2.0**-40)
        fitting = torch.minimum(
            torch.floor(torch.log2(self.codes[-1] / peak)),
            torch.floor(torch.log2(self.bias.max / 2 / base)) - self.source,
        )
        return fitting.clamp(self.exponents[0], self.exponents[-1]).long().cpu()


ENCODE = Place(source=PIXEL_FRAC, target=STATE_FRAC, bias=BIAS, shifts=SHIFTS)
PERCEIVE = Place(source=STATE_FRAC, target=HIDDEN_FRAC, bias=BIAS, shifts=SHIFTS)
UPDATE = Place(source=HIDDEN_FRAC, target=STATE_FRAC, bias=UPDATE_BIAS, shifts=UPDATE_SHIFTS)
READOUT = Place(source=STATE_FRAC, target=PIXEL_FRAC, bias=BIAS, shifts=SHIFTS)
GATE_INPUT = Place(
    source=STATE_FRAC, target=GATE_HIDDEN_FRAC, bias=GATE_BIAS, shifts=UPDATE_SHIFTS, narrow=True
)
GATE_OUTPUT = Place(
    source=GATE_HIDDEN_FRAC, target=STATE_FRAC, bias=GATE_BIAS, shifts=UPDATE_SHIFTS, narrow=True
)


class RoundHalfUp(nn.Module):
    """Round to nearest, ties upwards, with a straight-through gradient."""

    def __init__(self) -> None:  # Brevitas inspects it
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Round."""
        return floor_ste(x + 0.5)


def quantisers(place: Place, exponents: Tensor | None, dimensions: int) -> dict[str, type | None]:
    """Return a layer's arguments `weight_quant` and `bias_quant`; an empty dict without exponents.

    Weights have frac ``exponents[k]`` and the place's bits; biases have the accumulator's frac.
    """
    if exponents is None:
        return {"weight_quant": None, "bias_quant": None}
    weight_scale = torch.exp2(-exponents.float())
    largest = 2.0 ** (place.bits - 1) * weight_scale
    bias_scale = weight_scale * 2.0**-place.source
    common = {
        "scaling_impl_type": ScalingImplType.CONST,
        "float_to_int_impl": RoundHalfUp,
        "tensor_clamp_impl": TensorClamp,
    }
    weight = Int8WeightPerTensorFixedPoint.let(
        bit_width=place.bits,
        narrow_range=place.narrow,
        scaling_const=largest.reshape(-1, *[1] * (dimensions - 1)),
        **common,
    )
    bias = Int8BiasPerTensorFixedPointInternalScaling.let(
        bit_width=place.bias.width,
        narrow_range=False,
        scaling_const=-float(place.bias.min) * bias_scale,
        **common,
    )
    return {"weight_quant": weight, "bias_quant": bias}


def activation(to: Format, frac: int, *, towards_zero: bool = False) -> type[ExtendedInjector]:
    """Return the quantiser of codes ``to`` with scale ``2**-frac``."""
    base = Int8ActPerTensorFixedPoint if to.signed else Uint8ActPerTensorFixedPoint
    top = float(1 << to.width - to.signed) * 2.0**-frac
    return base.let(
        bit_width=to.width,
        narrow_range=False,
        scaling_impl_type=ScalingImplType.CONST,
        min_val=-top if to.signed else 0.0,
        max_val=top,
        float_to_int_impl=RoundToZeroSte if towards_zero else RoundHalfUp,
    )


def layer_codes(layer: qnn.QuantConv2d | qnn.QuantLinear, place: Place, exponents: Tensor) -> Layer:
    """Return the integers of a quantised layer: int64 arrays, weight in the module's own shape."""
    weight = layer.quant_weight().value.detach().double().cpu()
    bias = layer.quant_bias().value.detach().double().cpu()
    scale = torch.exp2(exponents.double())
    codes = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    shift = exponents + place.source - place.target
    return Layer(
        weight=codes.round().long().numpy(),
        bias=(bias * scale * 2.0**place.source).round().long().numpy(),
        shift=shift.numpy(),
    )
