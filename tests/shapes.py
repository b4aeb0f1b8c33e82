"""Shapes of chips that are tested: every folding of every multiplier, small and large lattices."""

from dataclasses import dataclass, replace
from math import log2

from golden.samples import calibrated
from golden.spec import Spec
from hw.shapes import Geometry

__all__ = ["SHAPES", "Shape", "lively"]


@dataclass(frozen=True)
class Shape:
    """A chip to test; `quick` ones are small enough for Amaranth's simulator."""

    multiplier: int
    filters: int
    channels: int
    height: int
    width: int
    boundary: str
    contexts: int
    places: int
    quick: bool = False

    def __str__(self):
        lattice = f"{self.height}x{self.width}x{self.channels}"
        return f"M{self.multiplier}-F{self.filters}-{lattice}-{self.boundary}-{self.contexts}"

    @property
    def spec(self):
        """The lattice and the rule's shape; the image leaves a margin where there is room."""
        image = min(self.height, self.width)
        return Spec(
            multiplier=self.multiplier,
            channels=self.channels,
            height=self.height,
            width=self.width,
            boundary=self.boundary,
            image=image - 2 if image > 4 else image,
        )

    @property
    def geometry(self):
        """Build of the chip."""
        return Geometry(
            spec=self.spec,
            filters=self.filters,
            contexts=self.contexts,
            skeletons=self.places,
        )


def lively(spec, rng):
    """A calibrated skeleton whose states change as much where filters are few as with 80.

    Otherwise a wrong neighbour would be shifted out of sight.
    """
    skeleton = calibrated(spec, rng)
    less = max(0, round(log2(80 / spec.filters)))
    update = skeleton.update
    quick = replace(update, bias=update.bias >> less, shift=update.shift - less)
    return replace(skeleton, update=quick)


SHAPES = [
    # M, F, channels, height, width, boundary, contexts, places
    Shape(1, 1, 4, 4, 4, "zero", 1, 1, quick=True),  # the smallest
    Shape(1, 1, 4, 4, 4, "wrap", 2, 2, quick=True),
    Shape(1, 2, 16, 20, 12, "wrap", 2, 4),
    Shape(2, 1, 8, 12, 4, "wrap", 2, 1),
    Shape(2, 2, 4, 4, 8, "zero", 3, 2, quick=True),
    Shape(2, 4, 8, 36, 20, "wrap", 1, 2),
    Shape(3, 1, 4, 4, 8, "wrap", 2, 2, quick=True),
    Shape(3, 2, 8, 28, 12, "wrap", 3, 1),
    Shape(3, 3, 16, 12, 20, "zero", 2, 3),
    Shape(3, 6, 8, 4, 4, "wrap", 2, 2, quick=True),
    Shape(4, 1, 4, 4, 4, "zero", 3, 1, quick=True),
    Shape(4, 2, 16, 20, 36, "zero", 2, 2),
    Shape(4, 4, 4, 60, 28, "wrap", 1, 4),
    Shape(4, 8, 16, 4, 4, "zero", 2, 2),
    Shape(5, 1, 16, 12, 12, "wrap", 3, 2),
    Shape(5, 2, 8, 8, 4, "zero", 1, 2, quick=True),
    Shape(5, 3, 4, 4, 8, "wrap", 1, 2, quick=True),
    Shape(5, 5, 16, 28, 28, "wrap", 2, 2),
    Shape(5, 10, 16, 64, 36, "zero", 2, 4),
    Shape(6, 1, 4, 4, 60, "zero", 2, 2),
    Shape(6, 2, 16, 20, 28, "wrap", 1, 1),
    Shape(6, 3, 8, 60, 4, "wrap", 3, 2),
    Shape(6, 6, 4, 4, 4, "wrap", 2, 1, quick=True),
    Shape(6, 12, 8, 12, 12, "zero", 3, 2),
    Shape(7, 1, 8, 4, 4, "zero", 1, 1, quick=True),
    Shape(7, 2, 4, 36, 64, "wrap", 2, 2),
    Shape(7, 3, 16, 4, 20, "zero", 2, 1),
    Shape(7, 4, 8, 20, 20, "wrap", 2, 2),
    Shape(7, 7, 8, 12, 60, "zero", 1, 2),
    Shape(7, 14, 8, 28, 4, "wrap", 2, 2),
    Shape(8, 1, 16, 4, 4, "wrap", 2, 2),
    Shape(8, 2, 8, 36, 36, "zero", 3, 3),
    Shape(8, 3, 4, 8, 12, "wrap", 2, 2),
    Shape(8, 4, 16, 64, 12, "wrap", 2, 2),
    Shape(8, 8, 4, 64, 64, "wrap", 1, 1),
    Shape(8, 16, 16, 64, 64, "zero", 2, 2),  # the largest
]
