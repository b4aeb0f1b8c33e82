"""What a check works with: the device, its skeletons, its random numbers, and the tally."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from golden.device import batches
from golden.samples import adversarial_states
from golden.skeleton import Skeleton
from golden.spec import MAPPINGS, Gate, Spec
from sw.check.pair import Answer, Pair, Tally
from sw.check.target import Subject, Target
from sw.data.damage import blank
from sw.data.load import show_digits

__all__ = ["FULL", "QUICK", "Bench", "Check"]

FULL, QUICK = 8, 2
"""Lattices of a check."""


@dataclass(kw_only=True)
class Bench:
    """The device, the skeletons that a check is about, and the numbers that it draws."""

    target: Target
    subjects: tuple[Subject, ...]
    count: int
    """Lattices of a check."""
    rng: np.random.Generator
    tally: Tally = field(default_factory=Tally)

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton that the check is about."""
        return self.subjects[0].skeleton

    @property
    def spec(self) -> Spec:
        """Its lattice and gate."""
        return self.skeleton.spec

    def pair(self, *skeletons: Skeleton) -> Pair:
        """Open the device, and golden, with skeletons; with the one at hand where none is given."""
        chosen = skeletons or (self.skeleton,)
        return Pair(self.target.open(chosen), chosen, self.tally)

    def split(self, pair: Pair, items: np.ndarray) -> Iterator[np.ndarray]:
        """Yield batches of lattices or images that fit the device."""
        for batch in batches(len(items), pair.device.contexts):
            pair.first = batch.start
            yield items[batch]

    def random_states(self, count: int) -> np.ndarray:
        """Draw raw lattices of codes of the whole range."""
        return self.rng.integers(-128, 128, (count, *self.spec.lattice), np.int8)

    def adversarial_states(self) -> np.ndarray:
        """Return lattices at the ends of the range: a chessboard and a corner first."""
        return np.roll(adversarial_states(self.spec), -2, axis=0)[: self.count]

    def images(self, count: int) -> np.ndarray:
        """Return damaged digits, half of them, and random images."""
        size = self.spec.image
        images = self.rng.integers(0, 256, (count, size, size), np.uint8)
        digits = show_digits()[0][: (count + 1) // 2]
        if digits.shape[1:] == images.shape[1:]:
            images[: len(digits)] = blank(digits, range(len(digits)))
        return images

    def cells(self, count: int, share: float) -> np.ndarray:
        """Draw the share of cells that each lattice loses: bool (n, cells)."""
        lost: np.ndarray = self.rng.random((count, self.spec.cells)) < share
        return lost

    def draw_deltas(self) -> Answer:
        """Return an answer of random deltas, whatever the planes."""
        deltas = self.spec.deltas
        return lambda planes: self.rng.integers(-128, 128, (len(planes), deltas), np.int8)

    def draw_gate(self, mapping: str = MAPPINGS[0], every: int = 1) -> Skeleton:
        """Return the skeleton with another gate: random channels, open from the first step on."""
        reads, adds = self.rng.integers(0, self.spec.channels, 2).tolist()
        gate = Gate(input_channel=reads, output_channel=adds, start=1, every=every, mapping=mapping)
        return replace(self.skeleton, spec=replace(self.spec, gate=gate))


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: it puts what it compares into the bench's tally."""

    name: str
    what: str
    """What it does, for the report."""
    work: Callable[[Bench], None]
    whole: bool = False
    """Whether it is about the device, not about one of its skeletons."""
    unit: str = "codes"
    """What is compared."""
