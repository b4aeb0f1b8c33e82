"""The rule as a Brevitas model: encoder, one step and read-out, with the arithmetic of the chip.

In evaluation every code equals golden's. Without exponents the same model computes in float, for
the warm-up of training. Training itself runs `sw.model.step` with these quantised weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from golden.fixed import HIDDEN, PIXEL, STATE
from golden.skeleton import Layer, Skeleton
from golden.spec import Spec
from sw.model.quantisers import (
    CHANGE,
    ENCODE,
    HIDDEN_FRAC,
    PERCEIVE,
    PIXEL_FRAC,
    READOUT,
    STATE_FRAC,
    UPDATE,
    Place,
    activation,
    layer_codes,
    quantisers,
)

__all__ = ["Rule", "RuleExponents"]


class RuleExponents(NamedTuple):
    """Fracs of the weights of each layer, int64, one per output."""

    encode: Tensor
    perceive: Tensor
    update: Tensor
    readout: Tensor


class Rule(nn.Module):
    """Encoder, one step of the automaton, and read-out, on values.

    States are (B, channels, height, width) with scale ``2**-STATE_FRAC``; images are
    (B, 1, image, image), pixel codes with scale ``2**-PIXEL_FRAC``. The gate is a model of its own.

    Parameters
    ----------
    spec
        The automaton.
    exponents
        Fracs of the weights; None leaves the model unquantised.
    weight_bits
        Bits of the weights of perceive and update; with fewer than 8, their codes are symmetric.
    """

    def __init__(
        self, spec: Spec, exponents: RuleExponents | None = None, *, weight_bits: int = 8
    ) -> None:
        super().__init__()
        self.spec = spec
        self.exponents = exponents
        self.weight_bits = weight_bits
        encode, perceive, update, readout = (
            quantisers(place, fracs, 4)
            for place, fracs in zip(self.places, exponents or (None,) * 4, strict=True)
        )
        channels, filters = spec.channels, spec.filters
        self.encode = qnn.QuantConv2d(1, channels, 1, **encode)
        self.perceive = qnn.QuantConv2d(
            channels,
            filters,
            3,
            padding=1,
            padding_mode="circular" if spec.boundary == "wrap" else "zeros",
            groups=channels,
            **perceive,
        )
        self.update = qnn.QuantConv2d(filters, channels, 1, **update)
        self.readout = qnn.QuantConv2d(channels, 1, 1, **readout)
        self.hidden = qnn.QuantReLU(act_quant=activation(HIDDEN, HIDDEN_FRAC))
        self.change = qnn.QuantIdentity(act_quant=activation(CHANGE, STATE_FRAC, towards_zero=True))
        self.state = qnn.QuantIdentity(act_quant=activation(STATE, STATE_FRAC))
        self.pixel = qnn.QuantIdentity(act_quant=activation(PIXEL, PIXEL_FRAC))

    @property
    def places(self) -> tuple[Place, Place, Place, Place]:
        """The quantisation of its layers, in the order of their exponents."""
        if self.weight_bits == 8:
            return ENCODE, PERCEIVE, UPDATE, READOUT
        perceive, update = (
            replace(place, bits=self.weight_bits, narrow=True) for place in (PERCEIVE, UPDATE)
        )
        return ENCODE, perceive, update, READOUT

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the first weights of a training; with them, the read-out shows the input."""
        with torch.no_grad():
            for layer in (self.encode, self.perceive, self.update, self.readout):
                assert layer.bias is not None
                layer.bias.zero_()
            self.encode.weight.normal_(0, 0.5, generator=generator)
            self.perceive.weight.normal_(0, 0.3, generator=generator)
            self.update.weight.normal_(0, 0.02, generator=generator)
            self.readout.weight.zero_()
            self.encode.weight[0] = 2.0
            self.readout.weight[:, 0] = 0.5

    def lay(self, images: Tensor) -> Tensor:
        """Encode images; return the states after step 0."""
        top, left = self.spec.margins
        return self.state(self.encode(nn.functional.pad(images, (left, left, top, top))))

    def forward(self, states: Tensor) -> Tensor:
        """Return the states after one more step."""
        hidden = self.hidden(self.perceive(states))
        change = self.change(self.update(hidden))  # cut before adding: exact in float32
        return self.state(states + change)

    def show(self, states: Tensor) -> Tensor:
        """Return the images (B, 1, image, image) that the states show."""
        rows, columns = self.spec.window
        return self.pixel(self.readout(states[:, :, rows, columns]))

    def weights(self, name: str = "skeleton") -> Skeleton:
        """Return the integers for golden and the chip."""
        assert self.exponents is not None, "only a quantised rule has integers"
        encode, perceive, update, readout = (
            layer_codes(layer, place, exponents)
            for layer, place, exponents in zip(
                (self.encode, self.perceive, self.update, self.readout),
                self.places,
                self.exponents,
                strict=True,
            )
        )
        channels, filters = self.spec.channels, self.spec.filters
        return Skeleton(
            spec=self.spec,
            name=name,
            encode=Layer(encode.weight.reshape(channels), encode.bias, encode.shift),
            perceive=Layer(perceive.weight.reshape(filters, 3, 3), perceive.bias, perceive.shift),
            update=Layer(update.weight.reshape(channels, filters), update.bias, update.shift),
            readout=Layer(
                readout.weight.reshape(channels),
                readout.bias.reshape(()),
                readout.shift.reshape(()),
            ),
        )
