"""The serial device: a chip on a serial port as a `golden.device.Device`."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from golden.device import (
    Counters,
    as_cells,
    as_deltas,
    as_images,
    as_place,
    as_states,
    as_steps,
    from_stream,
    to_stream,
)
from golden.errors import InputError
from golden.frames import CHECK, HEADER
from golden.skeleton import Skeleton
from golden.spec import Gate
from golden.wire import (
    BAUD,
    CHUNK,
    COMMAND,
    PATIENCE,
    WINDOW,
    Command,
    Kind,
    Operation,
    Status,
    Tag,
    split_planes,
)
from sw.serial.chunks import Chunk, data_chunk
from sw.serial.identity import identify, read_status
from sw.serial.link import Begun, Link, LinkError, Port
from sw.serial.port import SerialPort

__all__ = ["ChipDevice", "open_serial"]


def open_serial(path: str, skeletons: tuple[Skeleton, ...], baud: int = BAUD) -> ChipDevice:
    """Open the chip on a serial port; it must hold the skeletons."""
    port = SerialPort(path, baud)
    try:
        return ChipDevice(port, skeletons)
    except BaseException:
        port.close()
        raise


@dataclass(frozen=True)
class Asked:
    """What is under way, and how many bytes of reads and planes of openings it asks for."""

    begun: Begun
    size: int
    planes: int


class ChipDevice:
    """A chip behind a byte stream.

    What it is told gathers until something comes back or a batch runs, so that everything for all
    contexts shares a transfer. A lost answer is asked for again; where a run cannot go on, because
    the chip was reset or does not answer, that is one `sw.serial.link.LinkError`, and the next
    batch that is loaded begins afresh. So does one after an interrupt.
    """

    def __init__(
        self, port: Port, skeletons: tuple[Skeleton, ...], sequence: int | None = None
    ) -> None:
        self.skeletons = tuple(skeletons)
        self.link = Link(port, sequence)
        self.facts = facts = identify(self.link)
        self.contexts = facts.contexts
        self._places = [self._place(skeleton) for skeleton in self.skeletons]
        self._queue: list[Chunk] = []
        self._loads: list[list[Chunk]] = []
        self._batch = self._step = self._running = self._rest = 0
        """`_rest` counts the steps of a run behind its last opening."""
        self._due = np.zeros(0, np.int64)
        """Openings whose planes are still to be returned, of each lattice."""
        self._asked: deque[Asked] = deque()
        self._given = bytearray()
        """Bytes of reads that have come."""
        self._planes: list[tuple[int, bytes]] = []
        """Contexts and codes of planes that have come and were not returned."""
        self._fresh = False
        self._base = Counters(0, 0)
        self.choose(0)

    def close(self) -> None:
        """Give the port back."""
        self.link.port.close()

    def choose(self, index: int) -> None:
        """Take a skeleton."""
        index = as_place(index, len(self.skeletons))
        self._index = self._places[index]
        self._gate = self.skeletons[index].spec.gate

    def load_images(self, images: np.ndarray) -> None:
        """Encode images."""
        images = as_images(images, self.facts.spec, self.contexts)
        self._load(Operation.LOAD_IMAGE, images.reshape(len(images), self.facts.image**2), 0)

    def load_states(self, states: np.ndarray, step: int) -> None:
        """Take raw lattices."""
        states = as_states(states, self.facts.spec, self.contexts)
        self._load(Operation.LOAD_STATE, to_stream(states), as_steps(step))

    def start(self, steps: int, *, gated: bool = True) -> None:
        """Start a run on every lattice, right behind its loading: the others load meanwhile."""
        for chunks in self._starts(as_steps(steps), gated=gated):
            self._queue += chunks

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for openings: those of half of the lattices, while the other half runs."""
        cells = self.facts.spec.cells
        while self._batch and (self._due.any() or not self._ends_soon()):
            self._ask_for_planes()
            if not self._planes:
                self._take_in()
            if self._planes or not (self._running or self._asked):
                break
        if any(chunk.tag is Tag.COMMAND for chunk in self._queue):
            self._flush()  # starts a run without openings, which the chip may refuse
        planes, self._planes = self._planes, []
        if self._due.any() and not planes:
            raise LinkError(f"{self.link.port.name}: a run ended before its last opening")
        indices = np.array([context for context, _ in planes], np.intp)
        np.subtract.at(self._due, indices, 1)
        codes = np.frombuffer(bytearray().join(codes for _, codes in planes), np.int8)
        return indices, codes.reshape(-1, cells)

    def write_deltas(self, indices: np.ndarray, deltas: np.ndarray) -> None:
        """Answer openings."""
        deltas = as_deltas(deltas, self.facts.spec, len(indices))
        for index, delta in zip(np.asarray(indices).tolist(), deltas, strict=True):
            body = bytes([index]) + delta.tobytes()
            self._queue.append(Chunk(Tag.DELTA, len(body), body))

    def read_images(self) -> np.ndarray:
        """Return what the lattices show."""
        size = self.facts.image
        return self._read(Operation.READ_IMAGE, size * size).reshape(self._batch, size, size)

    def turn_over(self, images: np.ndarray, steps: int, *, gated: bool = True) -> np.ndarray:
        """Return what the lattices show, and run the next images: half of them at a time.

        So one half runs while the other half is read and loaded.
        """
        images, steps = as_images(images, self.facts.spec, self.contexts), as_steps(steps)
        self._settle()
        side, shown = self.facts.image, self._batch
        size = side * side
        reads = [self._reads(Operation.READ_IMAGE, size, context) for context in range(shown)]
        self._note_batch(Operation.LOAD_IMAGE, images.reshape(len(images), size), 0)
        starts = self._starts(steps, gated=gated)
        none: list[Chunk] = []
        turns = [read + start for read, start in zip_longest(reads, starts, fillvalue=none)]
        half = max(1, len(turns) // 2)
        self._queue += chain(*turns[:half])
        self._begin()
        self._queue += chain(*turns[half:])
        while len(self._asked) >= WINDOW:
            self._take_in()
        self._ask_for_planes()
        while any(asked.size for asked in self._asked):
            self._take_in()
            self._ask_for_planes()
        return self._take_given(shown, size).reshape(shown, side, side)

    def read_states(self) -> np.ndarray:
        """Return the lattices."""
        spec = self.facts.spec
        codes = self._read(Operation.READ_STATE, math.prod(spec.lattice))
        return from_stream(codes, spec, self._batch)

    def zero_cells(self, cells: np.ndarray) -> None:
        """Set all channels of the chosen cells to 0."""
        cells = as_cells(cells, self.facts.spec, self._batch)
        self._settle()
        for context, chosen in enumerate(cells):
            datum = self._datum(np.packbits(chosen, bitorder="little"))
            self._queue += [self._command(Operation.ZERO, context), datum]

    def counters(self) -> Counters:
        """Return the engine's counters since lattices were loaded, `turn_over` aside."""
        self._settle()
        self._flush()
        while self._running and not self._due.any():
            self._ask_for_planes()
            self._take_in()
        return Counters(*(a - b for a, b in zip(self._counters(), self._base, strict=True)))

    def status(self) -> Status:
        """Return what the chip counts."""
        return read_status(self.link)

    def _starts(self, steps: int, *, gated: bool) -> list[list[Chunk]]:
        """Note a run's openings; return what loads and starts it on each lattice."""
        gate, end = self._gate if gated else None, self._step + steps
        loads, self._loads = self._loads or [[] for _ in range(self._batch)], []
        runs = [
            [*chunks, self._command(Operation.RUN, context, steps=steps, gate=gate)]
            for context, chunks in enumerate(loads)
        ]
        openings, self._rest = 0, steps
        if gate is not None and (openings := gate.openings(self._step, end)):
            self._rest = (end - gate.start) % gate.every
        self._due = np.full(self._batch, openings)
        self._step = end
        return runs

    def _ends_soon(self) -> bool:
        """Whether runs end, once their openings are answered, while a read of theirs may wait."""
        spec = self.facts.spec
        slots = spec.channels * math.ceil(spec.multiplier / self.facts.filters)
        return self._rest * self._batch * spec.cells * slots < PATIENCE

    def _ask_for_planes(self) -> None:
        """Ask for those of half of the lattices, and for more while they come.

        No more than there are lattices with one to come: each may wait for its delta first. With
        none to come, wait for the ends of the runs.
        """
        cells, half = self.facts.spec.cells, max(1, self._batch // 2)
        left = int(np.count_nonzero(self._due)) - len(self._planes)
        left -= sum(asked.planes for asked in self._asked)
        while len(self._asked) < WINDOW and (left > 0 or not (self._asked or self._planes)):
            wanted = min(half, left) if left > 0 else self._batch
            chunk = self.link.forms.planes(wanted, cells, self.link.room)
            self._begin(chunk, planes=chunk.count)
            left -= chunk.count
        if self._queue and len(self._asked) < WINDOW:
            self._begin()

    def _planes_in(self, given: bytes) -> list[tuple[int, bytes]]:
        """Return contexts and codes of planes; each must be whole, and of a lattice of ours."""
        cells = self.facts.spec.cells
        try:
            planes = list(split_planes(given, cells))
        except IndexError:
            planes = [(self._batch, b"")]
        if any(context >= self._batch or len(codes) != cells for context, codes in planes):
            raise LinkError(f"{self.link.port.name} gave planes that are not whole: run again")
        return planes

    def _counters(self) -> Counters:
        status = self.status()
        return Counters(status.clocks, status.busy)

    def _place(self, skeleton: Skeleton) -> int:
        """Return where the chip holds a skeleton."""
        name = self.link.port.name
        if skeleton.spec.ungated != self.facts.spec:
            raise InputError(
                f"{skeleton.name} must fit the chip on {name}: "
                f"{self.facts.spec}, not {skeleton.spec.ungated}"
            )
        if skeleton.digest not in self.facts.digests:
            held = ", ".join(f"{digest[:12]}…" for digest in self.facts.digests if digest)
            raise InputError(
                f"The chip on {name} must hold the skeleton {skeleton.name} "
                f"({skeleton.digest[:12]}…), it holds {held or 'none'}"
            )
        return self.facts.digests.index(skeleton.digest)

    def _load(self, operation: Operation, data: np.ndarray, step: int) -> None:
        if not self._fresh or self._running or self._asked:
            self._queue, self._loads, self._planes = [], [], []
            self._asked.clear()
            self._given.clear()
            self.link.ask(Kind.RESET)
            self._fresh, self._running = True, 0
        else:
            self._flush()
        self._base = self._counters()
        self._note_batch(operation, data, step)

    def _note_batch(self, operation: Operation, data: np.ndarray, step: int) -> None:
        """Note what the next run, or whatever comes before it, loads."""
        self._batch, self._step, self._rest = len(data), step, 0
        self._due = np.zeros(len(data), np.int64)
        self._loads = [
            [self._command(operation, context), self._datum(row)]
            for context, row in enumerate(data)
        ]

    def _settle(self) -> None:
        """Load what no run has loaded."""
        loads, self._loads = self._loads, []
        for chunks in loads:
            self._queue += chunks

    def _read(self, operation: Operation, size: int) -> np.ndarray:
        """Return the bytes of a read of every lattice: (B, size)."""
        self._settle()
        for context in range(self._batch):
            self._queue += self._reads(operation, size, context)
        self._flush()
        return self._take_given(self._batch, size)

    def _reads(self, operation: Operation, size: int, context: int) -> list[Chunk]:
        """Return what reads a lattice."""
        return [self._command(operation, context), self.link.forms.fetch(size, self.link.room)]

    def _take_given(self, count: int, size: int) -> np.ndarray:
        """Return what reads have given, which must be so many rows of ``size`` bytes."""
        given, self._given = self._given, bytearray()
        if len(given) != count * size:
            raise LinkError(
                f"{self.link.port.name} gave {len(given)} bytes of {count * size}: run again"
            )
        return np.frombuffer(given, np.uint8).reshape(count, size)

    def _command(
        self, operation: Operation, context: int, steps: int = 0, gate: Gate | None = None
    ) -> Chunk:
        command = Command(
            operation=operation,
            context=context,
            skeleton=self._index,
            steps=steps,
            gate=gate,
            step=self._step,
        )
        return Chunk(Tag.COMMAND, COMMAND.size, command.to_bytes())

    def _datum(self, data: np.ndarray) -> Chunk:
        """Return the chunk of a command's data."""
        return data_chunk(data.tobytes(), self.facts.request - OVERHEAD)

    def _flush(self) -> None:
        """Hand everything to the chip and take in what it gives."""
        self._begin()
        while self._asked:
            self._take_in()

    def _begin(self, *last: Chunk, planes: int = 0) -> None:
        """Hand everything to the chip, and chunks that ask for so many planes."""
        chunks, self._queue = [*self._queue, *last], []
        if chunks:
            size = sum(chunk.count for chunk in chunks if chunk.tag in FETCHES)
            with self._whole():
                self._asked.append(Asked(self.link.begin(chunks), size, planes))

    def _take_in(self) -> None:
        """Take in what the chip gives for what is longest under way."""
        with self._whole():
            asked = self._asked.popleft()
            given, self._running = self.link.finish(asked.begun)
            self._given += given[: asked.size]
            if asked.planes:
                self._planes += self._planes_in(given[asked.size :])

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Do a part of a run that is whole or ends the run."""
        if not self._fresh:
            raise LinkError(f"{self.link.port.name} was interrupted: load the batch again")
        self._fresh = False
        yield
        self._fresh = True


FETCHES = (Tag.FETCH, Tag.COMPACT_FETCH)

OVERHEAD = HEADER + CHECK + CHUNK.size
"""Bytes of a request beside its chunk's body."""
