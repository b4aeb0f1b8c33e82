"""The serial device: a chip on a serial port as a `golden.device.Device`."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import serial

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
from golden.errors import InputError, reason
from golden.frames import CHECK, HEADER
from golden.skeleton import Skeleton
from golden.spec import Gate
from golden.wire import (
    BAUD,
    BITS_A_BYTE,
    CHUNK,
    COMMAND,
    FACTS,
    RESPONSE,
    STATUS,
    VERSION,
    ChipFacts,
    Command,
    Kind,
    Operation,
    Status,
    Tag,
    split_planes,
)
from sw.serial.chunks import Chunk, data_chunk
from sw.serial.link import WINDOW, Begun, Link, LinkError, Port

__all__ = ["ChipDevice", "SerialPort", "identify", "open_serial", "read_status"]

SILENCE = 2.0
"""Seconds without a byte after which an answer is not waited for any longer."""


class SerialPort:
    """A serial port, opened for us alone, its latency low where the system lets it be."""

    def __init__(self, path: str, baud: int = BAUD) -> None:
        self.name = path
        try:
            self._port = serial.Serial(path, baud, timeout=SILENCE, exclusive=True)
            with suppress(AttributeError, OSError, ValueError, NotImplementedError):
                self._port.set_low_latency_mode(True)
            self._port.reset_input_buffer()
        except Exception as error:  # pyserial passes on what each system raises
            raise InputError(
                f"{path} must be a free serial port at {baud} baud: {why(error)}"
            ) from None
        self._seconds = BITS_A_BYTE / baud
        self._patience = 0.0

    def write(self, data: bytes) -> None:
        """Send bytes; an answer may take until they and the longest answer are through."""
        with self._one_line():
            self._port.write(data)
        travel = (len(data) + 2 * RESPONSE) * self._seconds
        self._patience = time.monotonic() + 2 * SILENCE + travel

    def read(self) -> bytes:
        """Wait for bytes; none if none came in time, or an answer must have been there by now."""
        if time.monotonic() > self._patience:
            return b""
        with self._one_line():
            return bytes(self._port.read(max(1, self._port.in_waiting)))

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn what a port raises that has gone into one line."""
        try:
            yield
        except Exception as error:  # pyserial passes on what each system raises
            raise InputError(f"{self.name} went away: {why(error)}") from None

    def close(self) -> None:
        """Give the port back."""
        with suppress(Exception):
            self._port.close()


def why(error: Exception) -> str:
    """Return what a port raised, in the system's words where there is a number for it."""
    number = getattr(error, "errno", None) or next(iter(error.args), None)
    return os.strerror(number).lower() if isinstance(number, int) else reason(error)


def open_serial(path: str, skeletons: tuple[Skeleton, ...], baud: int = BAUD) -> ChipDevice:
    """Open the chip on a serial port; it must hold the skeletons."""
    port = SerialPort(path, baud)
    try:
        return ChipDevice(port, skeletons)
    except BaseException:
        port.close()
        raise


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
        self._batch = self._step = self._running = 0
        self._due = np.zeros(0, np.int64)
        """Openings that are still to come, of each lattice."""
        self._ends_open = False
        """Whether the run under way ends with them."""
        self._asked: deque[tuple[Begun, int]] = deque()
        """What is under way, each with the number of planes that it asks for."""
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
        steps, gate = as_steps(steps), self._gate if gated else None
        loads, self._loads = self._loads, []
        for context in range(self._batch):
            if loads:
                self._queue += loads[context]
            self._command(Operation.RUN, context, steps=steps, gate=gate)
        end = self._step + steps
        openings = 0 if gate is None else gate.openings(self._step, end)
        self._due = np.full(self._batch, openings)
        self._ends_open = openings > 0 and gate is not None and gate.is_open(end)
        self._step = end

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for openings: those of half of the lattices, while the other half runs."""
        cells = self.facts.spec.cells
        planes: list[tuple[int, bytes]] = []
        while self._batch and not (self._ends_open and not self._due.any()):
            self._ask_for_planes()
            given, count = self._finish()
            planes = self._planes_in(given) if count else []
            if planes or not (self._running or self._asked):
                break
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
            self._command(Operation.ZERO, context)
            self._queue.append(self._datum(np.packbits(chosen, bitorder="little")))

    def counters(self) -> Counters:
        """Return the engine's counters since the lattices were loaded."""
        self._settle()
        self._flush()
        return Counters(*(a - b for a, b in zip(self._counters(), self._base, strict=True)))

    def status(self) -> Status:
        """Return what the chip counts."""
        return read_status(self.link)

    def _ask_for_planes(self) -> None:
        """Ask for those of half of the lattices, and for more while they come.

        No more than there are lattices with one to come: each may wait for its delta first. With
        none to come, wait for the ends of the runs.
        """
        cells, half = self.facts.spec.cells, max(1, self._batch // 2)
        left = int(np.count_nonzero(self._due)) - sum(count for _, count in self._asked)
        while len(self._asked) < WINDOW and (left > 0 or not self._asked):
            wanted = min(half, left) if left > 0 else self._batch
            chunk = self.link.forms.planes(wanted, cells, self.link.room)
            self._begin(chunk, count=chunk.count)
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
            self._queue, self._loads = [], []
            self._asked.clear()
            self.link.ask(Kind.RESET)
            self._fresh, self._running = True, 0
        else:
            self._flush()
        self._base = self._counters()
        self._batch, self._step, self._ends_open = len(data), step, False
        self._due = np.zeros(len(data), np.int64)
        self._loads = [
            [self._command_chunk(operation, context), self._datum(row)]
            for context, row in enumerate(data)
        ]

    def _settle(self) -> None:
        """Load what no run has loaded."""
        loads, self._loads = self._loads, []
        for chunks in loads:
            self._queue += chunks

    def _read(self, operation: Operation, size: int) -> np.ndarray:
        self._settle()
        for context in range(self._batch):
            self._command(operation, context)
            self._queue.append(self.link.forms.fetch(size, self.link.room))
        given = self._flush()
        if len(given) != self._batch * size:
            raise LinkError(
                f"{self.link.port.name} gave {len(given)} bytes of {self._batch * size}: run again"
            )
        return np.frombuffer(bytearray(given), np.uint8).reshape(self._batch, size)

    def _command(
        self, operation: Operation, context: int, steps: int = 0, gate: Gate | None = None
    ) -> None:
        self._queue.append(self._command_chunk(operation, context, steps, gate))

    def _command_chunk(
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

    def _flush(self) -> bytes:
        """Hand everything to the chip and return what it gave."""
        self._begin()
        given = b""
        while self._asked:
            given, _ = self._finish()
        return given

    def _begin(self, *last: Chunk, count: int = 0) -> None:
        """Hand everything to the chip, and chunks that ask for so many planes."""
        chunks, self._queue = [*self._queue, *last], []
        if chunks:
            with self._whole():
                self._asked.append((self.link.begin(chunks), count))

    def _finish(self) -> tuple[bytes, int]:
        """Return what the chip gave for what is longest under way, and the planes asked for."""
        with self._whole():
            begun, count = self._asked.popleft()
            given, self._running = self.link.finish(begun)
        return given, count

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Do a part of a run that is whole or ends the run."""
        if not self._fresh:
            raise LinkError(f"{self.link.port.name} was interrupted: load the batch again")
        self._fresh = False
        yield
        self._fresh = True


OVERHEAD = HEADER + CHECK + CHUNK.size
"""Bytes of a request beside its chunk's body."""


def identify(link: Link) -> ChipFacts:
    """Ask a chip what it is; the link keeps to these facts from then on."""
    answer = link.ask(Kind.IDENTIFY, bytes([VERSION, VERSION]), attempts=2)
    link.facts = facts_in(answer, link.port.name)
    return link.facts


def read_status(link: Link) -> Status:
    """Ask a chip what it counts."""
    answer = link.ask(Kind.STATUS)
    if len(answer) != STATUS.size:
        raise LinkError(f"{link.port.name} tells of itself in {len(answer)} bytes")
    return Status.from_bytes(answer)


def facts_in(answer: bytes, name: str) -> ChipFacts:
    """Return what a chip says of itself; raise unless it is something that a chip can be."""
    wrong = LinkError(f"{name} must be a Thalweg chip: what it says of itself makes no sense")
    if len(answer) < FACTS.size or len(answer) != ChipFacts.size(answer):
        raise wrong
    try:
        facts = ChipFacts.from_bytes(answer)
        cells = facts.spec.cells
    except InputError:
        raise wrong from None
    longest = CHECK + HEADER + CHUNK.size + COMMAND.size
    if not facts.contexts or facts.request < longest or facts.response < cells + HEADER + 4:
        raise wrong
    return facts
