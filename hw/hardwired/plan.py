"""The plan of a hardwired chip: its adders and its clocks, before there is any hardware."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from golden.errors import InputError
from golden.fixed import HIDDEN, PIXEL, STATE
from golden.skeleton import Layer, Skeleton
from golden.spec import Spec
from hw.hardwired.constants import Constants
from hw.hardwired.image_buffer import ImageBuffer
from hw.hardwired.layer import ConstantLayer
from hw.hardwired.update import ConstantUpdate
from hw.hardwired.window import CellWindow
from hw.shapes import TAPS, Geometry

__all__ = ["Plan"]

BLOCK = 4
"""Channels whose filters are added up in the update before those of others are added."""

TRAVEL = 1
"""Clocks that hidden codes have for their way to the update, which may be long."""


@dataclass(frozen=True)
class Plan:
    """Adders for every product of a skeleton, and the clocks that follow from them.

    Parameters
    ----------
    skeleton : Skeleton
        What is built in. `InputError` is raised where its spec is none that the chip takes.
    """

    skeleton: Skeleton

    def __post_init__(self) -> None:
        geometry_of(self.skeleton.spec)

    @cached_property
    def geometry(self) -> Geometry:
        """The lattice."""
        return geometry_of(self.skeleton.spec)

    @cached_property
    def encode(self) -> Constants:
        """The encoder: a code of each channel from a pixel."""
        return Constants.of(as_matrix(self.skeleton.encode, 1), PIXEL)

    @cached_property
    def perceive(self) -> list[Constants]:
        """The perception of each channel: its filters, with nine weights each."""
        spec, layer = self.skeleton.spec, self.skeleton.perceive
        shape = spec.channels, spec.multiplier
        weight, bias, shift = layer.weight, layer.bias.reshape(shape), layer.shift.reshape(shape)
        parts = zip(weight.reshape(*shape, TAPS), bias, shift, strict=True)
        return [Constants.of(Layer(*part), STATE) for part in parts]

    @cached_property
    def update(self) -> Constants:
        """The update: a sum for each channel from all hidden codes."""
        block = BLOCK * self.skeleton.spec.multiplier
        return Constants.of(self.skeleton.update, HIDDEN, block=block)

    @cached_property
    def readout(self) -> Constants:
        """The read-out: a pixel from a code of each channel."""
        return Constants.of(as_matrix(self.skeleton.readout, self.skeleton.spec.channels), STATE)

    @property
    def encode_clocks(self) -> int:
        """Clocks from a pixel to its codes."""
        return self.encode.graph.depth + ConstantLayer.ROUNDING

    @property
    def perceive_depth(self) -> int:
        """Adders in a row of the channel that has the most."""
        return max(part.graph.depth for part in self.perceive)

    @property
    def perceive_clocks(self) -> int:
        """Clocks from the taps to the hidden codes of every channel, at the update."""
        return self.perceive_depth + ConstantLayer.ROUNDING + TRAVEL

    def wait(self, channel: int) -> int:
        """Return the clocks from a channel's hidden codes to the update: others take longer."""
        return self.perceive_depth - self.perceive[channel].graph.depth + TRAVEL

    @property
    def update_clocks(self) -> int:
        """Clocks from the hidden codes to the state after the step."""
        return self.update.graph.depth + ConstantUpdate.CHANGE

    @property
    def readout_clocks(self) -> int:
        """Clocks from a cell to its pixel."""
        return self.readout.graph.depth + ConstantLayer.ROUNDING

    @property
    def entry_clocks(self) -> int:
        """Clocks from a place in the raster to its cell: pixel, register, encoder, register."""
        return ImageBuffer.LATENCY + 1 + self.encode_clocks + 1

    @property
    def rule_clocks(self) -> int:
        """Clocks from a cell to the cell one step on."""
        window = CellWindow.clocks(self.geometry)
        return window + self.perceive_clocks + self.update_clocks

    @property
    def latency(self) -> int:
        """Clocks from a place in the raster to its cell one step on."""
        return self.entry_clocks + self.rule_clocks

    @property
    def pass_clocks(self) -> int:
        """Clocks of a step: one a cell, more where the pipeline is longer than the lattice."""
        return max(self.geometry.spec.cells, self.latency + 2)

    @property
    def clocks_per_digit(self) -> int:
        """Clocks of an ungated run; images come and go while others are computed."""
        return self.skeleton.spec.steps * self.pass_clocks


def geometry_of(spec: Spec) -> Geometry:
    """Return the lattice of a hardwired chip; raise where it takes no such spec.

    Nothing is folded: the filters per clock that a `Geometry` has say nothing here.
    """
    if spec.boundary != "zero":
        raise InputError(f"The hardwired chip takes spec.boundary 'zero', not {spec.boundary!r}")
    return Geometry(spec=spec.ungated, filters=1, contexts=1, skeletons=1)


def as_matrix(layer: Layer, inputs: int) -> Layer:
    """Return a layer of vectors as one that has a row of weights for each output."""
    return Layer(layer.weight.reshape(-1, inputs), layer.bias, layer.shift)
