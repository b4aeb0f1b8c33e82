"""The simulated device: the chip's Verilog as a native library, driven in bulk."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from golden.device import (
    Counters,
    Device,
    as_cells,
    as_deltas,
    as_images,
    as_place,
    as_states,
    as_steps,
    from_stream,
    to_stream,
)
from golden.errors import SkeletonDamaged
from golden.skeleton import Skeleton
from golden.wire import Operation
from hw.shapes import Geometry
from hw.skeleton_memory import images
from sim.devices.account import Account
from sim.devices.chip import Chip
from sim.devices.designs import ChipDesign, Port
from sim.devices.packing import command_code, pack, unpack, word_count, words

__all__ = ["SimulatedDevice"]


class SimulatedDevice(Device):
    """A chip under Verilator as a `golden.device.Device`.

    Parameters
    ----------
    skeletons : tuple of Skeleton
        Contents of the skeleton memory; all of one lattice.
    filters : int
        Filters per clock, the chip's F.
    contexts : int
        Lattices that the chip holds.
    places : int
        Skeletons that it has room for.
    traced : bool
        Whether `trace` can count toggles: another library, several times slower.
    memories : dict of str to list of int
        Skeleton memory images, where they are to differ from what the skeletons make.
    stall : int
        Chance, in 1/256, that a stream rests in a clock; 0 lets them flow.
    seed : int
        Seed of the rests.
    limit : int
        Clocks in which nothing moves after which the chip is taken for stuck.
    progress : callable
        Takes a line about a build.
    """

    def __init__(
        self,
        skeletons: Sequence[Skeleton],
        *,
        filters: int = 5,
        contexts: int = 2,
        places: int = Geometry.skeletons,
        traced: bool = False,
        memories: Mapping[str, Sequence[int]] | None = None,
        **options: Any,
    ) -> None:
        self.skeletons = tuple(skeletons)
        self.geometry = geometry = Geometry(
            spec=self.skeletons[0].spec.ungated,
            filters=filters,
            contexts=contexts,
            skeletons=places,
        )
        self.contexts = contexts

        chip = Chip(ChipDesign(geometry, traced), **options)
        chip.store(geometry, memories or images(geometry, self.skeletons))
        self.begin(chip)

    def begin(self, chip: Chip) -> None:
        """Take a chip that holds the skeletons: reset it, and have it check them."""
        self.chip = chip
        chip.reset()
        self.damaged = chip.check()

        self._loads: list[tuple[Operation, np.ndarray]] = []
        self._batch = self._step = 0
        self._base = Counters(0, 0)
        self.choose(0)

    def choose(self, index: int) -> None:
        """Take a skeleton."""
        self._index = as_place(index, len(self.skeletons))

    def load_images(self, images: np.ndarray) -> None:
        """Encode images, each right before its run: the others run meanwhile."""
        images = as_images(images, self.geometry.spec, self.contexts)
        self._load(
            Operation.LOAD_IMAGE, images.reshape(len(images), self.geometry.spec.image**2), 0
        )

    def load_states(self, states: np.ndarray, step: int) -> None:
        """Take raw lattices."""
        states = as_states(states, self.geometry.spec, self.contexts)
        self._load(Operation.LOAD_STATE, to_stream(states), as_steps(step))

    def start(self, steps: int, *, gated: bool = True) -> None:
        """Start a run on every lattice."""
        steps, gate = as_steps(steps), self.skeletons[self._index].spec.gate if gated else None
        loads, self._loads = self._loads, []
        for context in range(self._batch):
            if loads:
                self._load_one(context, *loads[context])
            self._command(Operation.RUN, context, steps=steps, gate=gate, step=self._step)
        self._step += steps

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for openings: whatever planes are complete once the first one is."""
        cells = self.geometry.spec.cells
        self.chip.clock(plane=cells)
        count = self.chip.waiting(Port.PLANE) // cells
        entries = self.chip.pop(Port.PLANE, count * cells).reshape(count, cells)
        layout = self.geometry.plane
        indices = unpack(layout, "context", entries[:, 0]).astype(np.intp)
        return indices, unpack(layout, "code", entries).astype(np.uint8).view(np.int8)

    def write_deltas(self, indices: np.ndarray, deltas: np.ndarray) -> None:
        """Answer openings."""
        deltas = as_deltas(deltas, self.geometry.spec, len(indices))
        for index, delta in zip(np.asarray(indices).tolist(), deltas, strict=True):
            codes = delta.astype(np.int64)
            self.chip.push(Port.DELTA, pack(self.geometry.delta, code=codes, context=index))

    def read_images(self) -> np.ndarray:
        """Return what the lattices show."""
        size = self.geometry.spec.image
        return self._read(Operation.READ_IMAGE, size * size).reshape(self._batch, size, size)

    def read_states(self) -> np.ndarray:
        """Return the lattices."""
        spec = self.geometry.spec
        codes = self._read(Operation.READ_STATE, math.prod(spec.lattice))
        return from_stream(codes, spec, self._batch)

    def zero_cells(self, cells: np.ndarray) -> None:
        """Set all channels of the chosen cells to 0."""
        cells = as_cells(cells, self.geometry.spec, self._batch)
        self._flush()
        for context, chosen in enumerate(cells):
            self._load_one(context, Operation.ZERO, np.packbits(chosen, bitorder="little"))

    def stored_states(self) -> np.ndarray:
        """Return the codes in the lattice memories, pending deltas aside; the chip must rest."""
        return np.stack([self._stored_state(context) for context in range(self._batch)])

    def store_states(self, states: np.ndarray) -> None:
        """Replace the codes in the lattice memories; a pending delta stays pending."""
        lanes = self.geometry.lanes
        for context, state in enumerate(states):
            codes = np.ascontiguousarray(np.moveaxis(state, 0, -1)).view(f"<u{lanes}")
            self.chip.exchange(context, codes.ravel().astype(np.uint32), write=True)

    def _stored_state(self, context: int) -> np.ndarray:
        """Return the codes of one lattice memory: its rows have a byte a lane."""
        channels, height, width = self.geometry.spec.lattice
        lanes = self.geometry.lanes
        rows = np.zeros(channels * height * width // lanes, np.uint32)
        self.chip.exchange(context, rows, write=False)
        codes = rows.astype(f"<u{lanes}").view(np.int8).reshape(height, width, channels)
        return np.moveaxis(codes, -1, 0)

    def trace(self, path: Path) -> AbstractContextManager[None]:
        """Have the toggles of every net, once a clock, in a SAIF file when the block is through."""
        return self.chip.trace(path)

    def counters(self) -> Counters:
        """Return the engine's counters since the lattices were loaded."""
        now = self.chip.counters
        return Counters(*(a - b for a, b in zip(now, self._base, strict=True)))

    @property
    def simulated_clocks(self) -> int:
        """Clocks simulated since the chip was made."""
        return self.chip.clocks

    def think(self, clocks: int) -> None:
        """Let clocks pass in which the host works on a gate."""
        self.chip.think(clocks)

    def account(self) -> Account:
        """Return what all clocks so far went into: the wire is any stream of data or deltas."""
        return self.chip.account()

    def _load(self, operation: Operation, data: np.ndarray, step: int) -> None:
        self._loads = [(operation, row) for row in data]
        self._batch, self._step = len(data), step
        self._base = Counters(*self.chip.counters)

    def _flush(self) -> None:
        """Load what no run has loaded."""
        loads, self._loads = self._loads, []
        for context, load in enumerate(loads):
            self._load_one(context, *load)

    def _load_one(self, context: int, operation: Operation, data: np.ndarray) -> None:
        self._command(operation, context)
        self.chip.push(Port.DATA_IN, data)

    def _read(self, operation: Operation, size: int) -> np.ndarray:
        self._flush()
        for context in range(self._batch):
            self._command(operation, context)
        self.chip.clock(data=self._batch * size)
        return self.chip.pop(Port.DATA_OUT, self._batch * size).astype(np.uint8)

    def _command(self, operation: Operation, context: int, **values: Any) -> None:
        """Give the chip a command for the chosen skeleton; ``values`` are a run's."""
        if self.damaged >> self._index & 1:
            raise SkeletonDamaged("The simulated chip found this skeleton damaged")
        value = command_code(
            self.geometry, operation=operation, context=context, skeleton=self._index, **values
        )
        self.chip.push(Port.COMMAND, words(value, word_count(self.geometry.command)))
