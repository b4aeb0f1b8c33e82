"""A layer's numbers as constants: adders for its weights, its biases and its shifts."""

from __future__ import annotations

from dataclasses import dataclass

from golden.fixed import Format
from golden.skeleton import Layer
from hw.hardwired.graph import Graph
from hw.hardwired.search import search

__all__ = ["Constants"]


@dataclass(frozen=True)
class Constants:
    """What a layer computes with: the adders of its products, and numbers for each output."""

    graph: Graph
    biases: tuple[int, ...]
    shifts: tuple[int, ...]

    @classmethod
    def of(cls, layer: Layer, inputs: Format, *, block: int | None = None) -> Constants:
        """Return the constants of a layer with a row of weights for each output.

        ``block`` is that of `search`.
        """
        return cls(
            search(layer.weight, inputs, block=block),
            tuple(layer.bias.ravel().tolist()),
            tuple(layer.shift.ravel().tolist()),
        )

    @property
    def outputs(self) -> range:
        """Numbers of the outputs."""
        return range(len(self.biases))

    def bounds(self, output: int) -> tuple[int, int]:
        """Smallest and largest accumulator of an output, its bias included."""
        low, high = self.graph.output_bounds(output)
        return low + self.biases[output], high + self.biases[output]
