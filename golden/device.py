"""Devices: machines that run a skeleton (golden, a simulated chip, a board), and the host's loop.

A device holds up to `contexts` lattices. The gate runs on the host: `run` starts all lattices,
takes planes when they come, and answers with deltas, until every run has ended.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol

import numpy as np

from golden.errors import InputError, reason
from golden.model import Model
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec

__all__ = [
    "Counters",
    "Device",
    "GoldenDevice",
    "Network",
    "Runner",
    "answer",
    "as_cells",
    "as_deltas",
    "as_images",
    "as_place",
    "as_states",
    "as_steps",
    "batches",
    "from_stream",
    "restore",
    "run",
    "to_stream",
    "trace",
]


MOST_STEPS = (1 << 31) - 1
"""Largest number of steps that the counters of every device hold."""


class Counters(NamedTuple):
    """Counts of an engine since the lattices were loaded; a model counts nothing."""

    clocks: int
    """Clocks in which a pass was under way."""
    busy: int
    """Clocks in which the engine computed filters."""


class Network(Protocol):
    """What answers openings: a gate's network, or something that stands for one."""

    def deltas(self, planes: np.ndarray) -> np.ndarray:
        """Map planes (k, cells) to deltas (k, cells / 4)."""


class Runner(Protocol):
    """What `run` needs of a device."""

    def start(self, steps: int, *, gated: bool = True) -> None:
        """Start a run of ``steps`` steps on every lattice, with the skeleton's gate or without."""

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for openings: indices (k,) and planes (k, cells); none once all runs have ended."""

    def write_deltas(self, indices: np.ndarray, deltas: np.ndarray) -> None:
        """Answer the openings of ``indices`` with deltas (k, cells / 4)."""


class Device(Runner, Protocol):
    """A machine that runs one of its skeletons on a batch of lattices.

    Load a batch first: all calls after it concern the lattices of that batch. The step count goes
    on from the loaded batch over all runs. Arrays are as in `golden.model.Model`.
    """

    contexts: int
    """Largest batch."""
    skeletons: tuple[Skeleton, ...]
    """Skeletons that `choose` selects from."""

    def choose(self, index: int) -> None:
        """Use the skeleton ``skeletons[index]``."""

    def load_images(self, images: np.ndarray) -> None:
        """Encode images (B, image, image); the step count is 0."""

    def load_states(self, states: np.ndarray, step: int) -> None:
        """Load raw lattices as the states after ``step``, with its delta applied."""

    def read_images(self) -> np.ndarray:
        """Return what the lattices show."""

    def turn_over(self, images: np.ndarray, steps: int, *, gated: bool = True) -> np.ndarray:
        """Return what the lattices show, then load the next images and start a run on them."""
        shown = self.read_images()
        self.load_images(images)
        self.start(steps, gated=gated)
        return shown

    def read_states(self) -> np.ndarray:
        """Return the lattices with all deltas applied."""

    def zero_cells(self, cells: np.ndarray) -> None:
        """Add pending deltas, then set all channels of the chosen cells, bool (B, cells), to 0."""

    def counters(self) -> Counters:
        """Return the engine's counters."""


def as_images(images: np.ndarray, spec: Spec, most: int | None = None) -> np.ndarray:
    """Return images as an array uint8 (n, image, image), at most ``most`` of them.

    Views, read-only arrays and tensors are accepted. Numbers of other types are not: a 1 among them
    could be a grey level or white.
    """
    return as_batch(images, "Images", np.dtype(np.uint8), (spec.image, spec.image), most)


def as_states(states: np.ndarray, spec: Spec, most: int | None = None) -> np.ndarray:
    """Return raw lattices as an array int8 (n, channels, height, width), at most ``most``."""
    return as_batch(states, "States", np.dtype(np.int8), spec.lattice, most)


def as_cells(cells: np.ndarray, spec: Spec, count: int) -> np.ndarray:
    """Return chosen cells of all ``count`` lattices as an array bool (count, cells)."""
    found = as_batch(cells, "Cells", np.dtype(np.bool_), (spec.cells,), None)
    return require_count(found, "Cells", count)


def as_deltas(deltas: np.ndarray, spec: Spec, count: int) -> np.ndarray:
    """Return the deltas of ``count`` openings as an array int8 (count, cells / 4)."""
    found = as_batch(deltas, "Deltas", np.dtype(np.int8), (spec.deltas,), None)
    return require_count(found, "Deltas", count)


def require_count(found: np.ndarray, what: str, count: int) -> np.ndarray:
    """Return an array of ``count`` rows; raise `InputError` if it has more or fewer."""
    if len(found) != count:
        raise InputError(f"{what} must be of {count} lattices, not of {len(found)}")
    return found


def as_steps(steps: int) -> int:
    """Return a number of steps, or a step, as an integer that every device accepts."""
    return as_integer(steps, "Steps", MOST_STEPS)


def as_place(index: int, count: int) -> int:
    """Return the place of one of ``count`` skeletons."""
    return as_integer(index, "Place of a skeleton", count - 1)


def as_integer(given: int, what: str, most: int) -> int:
    """Return an integer from 0 to ``most``; raise `InputError` for anything else."""
    try:
        found = operator.index(given)
    except TypeError:
        found = -1
    if not 0 <= found <= most or isinstance(given, bool):
        raise InputError(f"{what} must be an integer from 0 to {most}, not {given!r}")
    return found


def as_batch(
    given: np.ndarray, what: str, dtype: np.dtype[Any], shape: tuple[int, ...], most: int | None
) -> np.ndarray:
    """Return a copy (n, *shape) of an array of this type; raise `InputError` for another type.

    A copy, because a device may load it later and the caller may change the array meanwhile.
    """
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise InputError(f"{what} must not be masked: fill what is masked")
    try:
        found = np.asarray(given)
    except Exception as error:  # tensors and lists that are no array raise errors of any type
        raise InputError(f"{what} must be an array: {reason(error)}") from error
    if found.dtype != dtype or found.shape[1:] != shape or found.ndim != 1 + len(shape):
        wanted = ", ".join(map(str, ("n", *shape)))
        raise InputError(f"{what} must be {dtype} ({wanted}), not {found.dtype} {found.shape}")
    if most is not None and len(found) > most:
        raise InputError(f"A batch must have at most {most} lattices, not {len(found)}")
    return np.array(found, order="C")


def to_stream(states: np.ndarray) -> np.ndarray:
    """Return raw lattices as bytes of a stream, uint8 (n, codes): cell by cell, channels in order.

    `from_stream` is the inverse.
    """
    size = math.prod(states.shape[1:])
    return np.moveaxis(states, 1, -1).reshape(len(states), size).view(np.uint8)


def from_stream(codes: np.ndarray, spec: Spec, count: int) -> np.ndarray:
    """Return ``count`` raw lattices, int8, from the bytes of a stream."""
    channels, height, width = spec.lattice
    states = codes.view(np.int8).reshape(count, height, width, channels)
    return np.moveaxis(states, -1, 1).copy()


class GoldenDevice(Device):
    """The reference model as a device, which runs all contexts at once."""

    def __init__(self, skeletons: tuple[Skeleton, ...], contexts: int = 256) -> None:
        self.contexts = contexts
        self.skeletons = skeletons
        self._models = tuple(Model(skeleton) for skeleton in skeletons)
        self._states = np.zeros((0, *skeletons[0].spec.lattice), np.int8)
        self._step = self._end = 0
        self._gate: Gate | None = None
        self.choose(0)

    def choose(self, index: int) -> None:
        """Take a skeleton."""
        self._model = self._models[as_place(index, len(self._models))]

    def load_images(self, images: np.ndarray) -> None:
        """Encode images."""
        images = as_images(images, self._model.spec, self.contexts)
        self.load_states(self._model.encode(images), 0)

    def load_states(self, states: np.ndarray, step: int) -> None:
        """Take raw lattices."""
        states, step = as_states(states, self._model.spec, self.contexts), as_steps(step)
        self._states, self._step, self._end = states, step, step

    def start(self, steps: int, *, gated: bool = True) -> None:
        """Note the last step of the run; `planes` does the work."""
        self._end = self._step + as_steps(steps)
        self._gate = self._model.spec.gate if gated else None

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Run to the next opening, which all lattices reach together."""
        stop = self._end
        if self._gate is not None:
            stop = min(stop, self._gate.next_opening(self._step))
        moved = stop > self._step
        self._states = self._model.step(self._states, stop - self._step)
        self._step = stop
        if not moved or self._gate is None or not self._gate.is_open(stop):
            return np.arange(0), np.zeros((0, self._model.spec.cells), np.int8)
        return np.arange(len(self._states)), self._model.planes(self._states)

    def write_deltas(self, indices: np.ndarray, deltas: np.ndarray) -> None:
        """Add the deltas immediately: none is ever pending here."""
        deltas = as_deltas(deltas, self._model.spec, len(indices))
        self._model.add_deltas(self._states, deltas, self._step, indices)

    def read_images(self) -> np.ndarray:
        """Return what the lattices show."""
        return self._model.readout(self._states)

    def read_states(self) -> np.ndarray:
        """Return the lattices."""
        return self._states.copy()

    def zero_cells(self, cells: np.ndarray) -> None:
        """Set all channels of the chosen cells to 0."""
        cells = as_cells(cells, self._model.spec, len(self._states))
        chosen = cells.reshape(len(cells), 1, *self._states.shape[2:])
        self._states[np.broadcast_to(chosen, self._states.shape)] = 0

    def counters(self) -> Counters:
        """Return zeros: no clock runs here."""
        return Counters(0, 0)


def run(device: Runner, network: Network | None, steps: int) -> None:
    """Run the loaded lattices ``steps`` steps on; the network answers every opening of the gate.

    Without a network the rule runs alone.
    """
    device.start(steps, gated=network is not None)
    answer(device, network)


def answer(device: Runner, network: Network | None) -> None:
    """Answer every opening of the runs under way, until they have ended."""
    indices, planes = device.planes()
    while network is not None and len(indices):
        device.write_deltas(indices, network.deltas(planes))
        indices, planes = device.planes()


def trace(device: Device, network: Network | None, steps: int) -> np.ndarray:
    """Run step by step and return every state: int8 (B, steps + 1, channels, height, width)."""
    states = [device.read_states()]
    for _ in range(steps):
        run(device, network, 1)
        states.append(device.read_states())
    return np.stack(states, axis=1)


def restore(
    device: Device,
    network: Network | None,
    images: np.ndarray,
    steps: int,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Restore damaged images (B, image, image), any number of them, batch after batch.

    A batch loads while the one before it is read.
    """
    images = as_images(images, device.skeletons[0].spec)
    restored = np.empty_like(images)
    gated, cuts = network is not None, list(batches(len(images), device.contexts))
    if cuts:
        device.load_images(images[cuts[0]])
        device.start(steps, gated=gated)
    for batch, after in zip_longest(cuts, cuts[1:]):
        answer(device, network)
        if after is None:
            restored[batch] = device.read_images()
        else:
            restored[batch] = device.turn_over(images[after], steps, gated=gated)
        progress(batch.stop - batch.start)
    return restored


def batches(total: int, size: int, begin: int = 0) -> Iterator[slice]:
    """Cut the items from ``begin`` to ``total`` into slices of at most ``size``."""
    for start in range(begin, total, size):
        yield slice(start, min(start + size, total))
