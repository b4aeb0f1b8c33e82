"""The gate as a Brevitas model: a two-layer network from a plane to a delta, int8 throughout."""

from __future__ import annotations

import math
from typing import NamedTuple

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.function.ops_ste import floor_ste
from torch import Tensor, nn

from golden.fixed import GATE_HIDDEN, STATE
from golden.gate import GateLayer, GateNetwork
from golden.spec import Spec
from sw.model.quantisers import (
    GATE_HIDDEN_FRAC,
    GATE_INPUT,
    GATE_OUTPUT,
    STATE_FRAC,
    Place,
    activation,
    layer_codes,
    quantisers,
)

__all__ = ["CutNetwork", "Gate", "GateExponents", "cut", "field_of", "spread"]


class GateExponents(NamedTuple):
    """Fracs of the weights of both layers, int64, one per output."""

    hidden: Tensor
    output: Tensor


def field_of(deltas: Tensor, spec: Spec, step: int) -> Tensor:
    """Return the field that deltas (B, cells / 4) of the opening after ``step`` add to a channel.

    Shape (B, 1, height, width).
    """
    gate = spec.gate
    assert gate is not None
    field = deltas.view(-1, 1, spec.height // 2, spec.width // 2)
    field = nn.functional.interpolate(field, scale_factor=2, mode="nearest")
    phase = gate.phase(step)
    if phase is not None:
        reached = torch.zeros_like(field[:1])
        reached[:, :, phase[0] :: 2, phase[1] :: 2] = 1
        field = field * reached
    return field


def spread(deltas: Tensor, spec: Spec, step: int) -> Tensor:
    """Return the field that deltas add to the states: `field_of` in one channel, 0 in the others.

    Shape (B, channels, height, width).
    """
    gate = spec.gate
    assert gate is not None
    before, after = gate.output_channel, spec.channels - gate.output_channel - 1
    return nn.functional.pad(field_of(deltas, spec, step), (0, 0, 0, 0, before, after))


def cut(planes: Tensor, bits: int) -> Tensor:
    """Clear all but the upper ``bits`` of the planes' codes, with a straight-through gradient.

    With all bits, the codes stay unchanged, even if they are not rounded.
    """
    if bits == STATE.width:
        return planes
    unit = 1 << STATE.width - bits
    result: Tensor = floor_ste(planes / unit) * unit
    return result


class CutNetwork(GateNetwork):
    """A network that reads only the upper ``bits`` of every code in a plane.

    It can be measured but not saved: a gate.safetensors does not store ``bits``.
    """

    def __init__(
        self, hidden: GateLayer, output: GateLayer, *, skeleton: str | None, bits: int
    ) -> None:
        super().__init__(hidden, output, skeleton=skeleton)
        self.shift = STATE.width - bits

    def deltas(self, planes: np.ndarray) -> np.ndarray:
        """Map int8 planes (B, inputs) to int8 deltas (B, outputs)."""
        return super().deltas(planes >> self.shift << self.shift)


class Gate(nn.Module):
    """The network from planes (B, cells) to deltas (B, cells / 4); scale ``2**-STATE_FRAC``.

    Parameters
    ----------
    spec
        The automaton that the gate belongs to.
    exponents
        Fracs of the weights; None leaves the model unquantised.
    units
        Hidden units.
    plane_bits
        Number of upper bits of a plane's codes that the gate reads.
    """

    def __init__(
        self,
        spec: Spec,
        exponents: GateExponents | None = None,
        *,
        units: int = 1024,
        plane_bits: int = STATE.width,
    ) -> None:
        super().__init__()
        self.exponents = exponents
        self.plane_bits = plane_bits
        hidden, output = exponents or (None, None)
        self.hidden = qnn.QuantLinear(
            spec.cells, units, bias=True, **quantisers(GATE_INPUT, hidden, 2)
        )
        self.output = qnn.QuantLinear(
            units, spec.deltas, bias=True, **quantisers(GATE_OUTPUT, output, 2)
        )
        self.relu = qnn.QuantReLU(act_quant=activation(GATE_HIDDEN, GATE_HIDDEN_FRAC))
        self.delta = qnn.QuantIdentity(act_quant=activation(STATE, STATE_FRAC))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the first weights of a training; every delta is 0 with them."""
        with torch.no_grad():
            assert self.hidden.bias is not None and self.output.bias is not None
            bound = 1 / math.sqrt(self.hidden.in_features)
            self.hidden.weight.uniform_(-bound, bound, generator=generator)
            self.hidden.bias.uniform_(-bound, bound, generator=generator)
            self.output.weight.zero_()
            self.output.bias.zero_()

    def forward(self, planes: Tensor) -> Tensor:
        """Return the deltas."""
        read = cut(planes * 2.0**STATE_FRAC, self.plane_bits) * 2.0**-STATE_FRAC
        return self.delta(self.output(self.relu(self.hidden(read))))

    def weights(self, skeleton: str | None = None) -> GateNetwork:
        """Return the integers for golden; ``skeleton`` is the digest it was trained with."""
        assert self.exponents is not None, "only a quantised gate has integers"

        def integers(layer: qnn.QuantLinear, place: Place, exponents: Tensor) -> GateLayer:
            codes = layer_codes(layer, place, exponents)
            return GateLayer(
                codes.weight.astype(np.int8),
                codes.bias.astype(np.int32),
                codes.shift.astype(np.uint8),
            )

        hidden = integers(self.hidden, GATE_INPUT, self.exponents.hidden)
        output = integers(self.output, GATE_OUTPUT, self.exponents.output)
        if self.plane_bits < STATE.width:
            return CutNetwork(hidden, output, skeleton=skeleton, bits=self.plane_bits)
        return GateNetwork(hidden, output, skeleton=skeleton)
