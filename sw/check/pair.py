"""A device and golden side by side: both are given the same, and what is read must be equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from golden.compare import require_equal
from golden.device import Device, GoldenDevice
from golden.errors import Difference
from golden.skeleton import Skeleton

__all__ = ["Answer", "Pair", "Tally"]

Answer = Callable[[np.ndarray], np.ndarray]
"""Gives the deltas int8 (k, cells / 4) to planes int8 (k, cells)."""


@dataclass
class Tally:
    """What was compared so far."""

    codes: int = 0
    """Codes compared."""
    differing: int = 0
    """Those that differ."""
    first: str | None = None
    """Where the first one is."""
    details: dict[str, int] = field(default_factory=dict)
    """Further numbers for the report."""

    def compare(
        self,
        found: np.ndarray,
        want: np.ndarray,
        place: str = "lattice {}",
        *,
        first: int = 0,
        kind: str = "",
    ) -> None:
        """Compare codes with golden's, and note where they differ first; arguments as there."""
        try:
            require_equal(found, want, place, first=first, kind=kind)
        except Difference as difference:
            same = found.shape == want.shape
            self.note(str(difference), int(np.count_nonzero(found != want)) if same else want.size)
        self.codes += want.size

    def note(self, text: str, count: int = 1) -> None:
        """Note a difference of so many codes."""
        self.differing += count
        self.first = self.first or text


class Pair:
    """A device and golden with the same skeletons, lattices and deltas.

    Golden's deltas go to both, so that a plane that differs changes nothing that comes after it.
    ``first`` is the number of the batch's first lattice: what differs is told by its number.
    """

    def __init__(self, device: Device, skeletons: tuple[Skeleton, ...], tally: Tally) -> None:
        self.device = device
        self.golden = GoldenDevice(skeletons, contexts=device.contexts)
        self.tally = tally
        self.first = 0

    def choose(self, index: int) -> None:
        """Take a skeleton."""
        for device in (self.golden, self.device):
            device.choose(index)

    def load_images(self, images: np.ndarray) -> None:
        """Encode images."""
        for device in (self.golden, self.device):
            device.load_images(images)

    def load_states(self, states: np.ndarray, step: int = 0) -> None:
        """Take raw lattices as the states after ``step``."""
        for device in (self.golden, self.device):
            device.load_states(states, step)

    def zero_cells(self, cells: np.ndarray) -> None:
        """Set all channels of the chosen cells to 0."""
        for device in (self.golden, self.device):
            device.zero_cells(cells)

    def compare_states(self, place: str = "lattice {}") -> None:
        """Compare the lattices."""
        found, want = (device.read_states() for device in (self.device, self.golden))
        self.tally.compare(found, want, place, first=self.first, kind="states")

    def compare_images(self) -> None:
        """Compare what the lattices show."""
        found, want = (device.read_images() for device in (self.device, self.golden))
        self.tally.compare(found, want, first=self.first, kind="images")

    def run(self, steps: int, answer: Answer | None = None, *, backwards: bool = False) -> None:
        """Run both, and compare the planes of all openings; without an answer, the rule alone.

        ``backwards`` answers openings that came together in the opposite order.
        """
        planes, deltas = self._run_golden(steps, answer)
        found = self._replay(steps, deltas, gated=answer is not None, backwards=backwards)
        self.tally.compare(found, planes, first=self.first, kind="planes")

    def _run_golden(self, steps: int, answer: Answer | None) -> tuple[np.ndarray, np.ndarray]:
        """Return planes and deltas of all openings: int8 (n, openings, codes)."""
        golden, spec = self.golden, self.golden.skeletons[0].spec
        count = len(golden.read_states())
        planes, deltas = [], []
        golden.start(steps, gated=answer is not None)
        indices, found = golden.planes()
        while answer is not None and len(indices):
            planes.append(found.copy())
            deltas.append(answer(found))
            golden.write_deltas(indices, deltas[-1])
            indices, found = golden.planes()
        if not planes:
            return np.zeros((count, 0, spec.cells), np.int8), np.zeros((count, 0, 1), np.int8)
        return np.stack(planes, axis=1), np.stack(deltas, axis=1)

    def _replay(
        self, steps: int, deltas: np.ndarray, *, gated: bool, backwards: bool
    ) -> np.ndarray:
        """Run the device with these deltas; return its planes, as many as there are deltas."""
        count, openings = deltas.shape[:2]
        planes = np.zeros((count, openings, self.golden.skeletons[0].spec.cells), np.int8)
        seen = np.zeros(count, int)
        self.device.start(steps, gated=gated)
        indices, found = self.device.planes()
        while len(indices):
            for index, plane in zip(indices.tolist(), found, strict=True):
                if index >= count or seen[index] == openings:
                    raise Difference(
                        f"lattice {self.first + index} opens more than {openings} times"
                    )
                planes[index, seen[index]] = plane
                seen[index] += 1
            order = indices[::-1] if backwards else indices
            self.device.write_deltas(order, deltas[order, seen[order] - 1])
            indices, found = self.device.planes()
        for index in np.flatnonzero(seen < openings).tolist():
            raise Difference(
                f"lattice {self.first + index} opens {seen[index]} times, golden {openings}"
            )
        return planes
