"""A device behind the page: each page has a session, and the device computes for one at a time."""

from __future__ import annotations

import secrets
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from golden.device import Device, as_images, as_states, run
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from golden.spec import Spec

__all__ = ["Bench", "NoSession", "Opener", "Session"]

Opener = Callable[[tuple[Skeleton, ...]], Device]
"""Opens the device with these skeletons."""

MOST_SESSIONS = 16
"""Pages that are remembered: the one that was quiet for longest is forgotten."""


class NoSession(InputError):
    """The page's session is not known, or no longer: it must begin anew."""


@dataclass(eq=False)
class Session:
    """A page's run: its skeleton and gate, and the lattice as the device left it."""

    skeleton: Skeleton
    network: GateNetwork | None
    state: np.ndarray
    """Int8 (1, channels, height, width)."""
    step: int = 0

    @property
    def spec(self) -> Spec:
        """The automaton."""
        return self.skeleton.spec


class Bench:
    """Runs the lattices of all pages on one device, which may go away and come back.

    Each call returns the step (4 bytes, little-endian), the lattice, and the image that it shows.
    Where the device fails, the session keeps the state before, and the next call opens it again.
    """

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._device: Device | None = None
        self._held: tuple[str, Spec] | None = None
        """Digest and spec of the skeleton that it was opened with."""
        self._holder: Session | None = None
        """Session whose lattice is on the device."""

    def begin(self, skeleton: Skeleton, network: GateNetwork | None) -> str:
        """Return the name of a new session, with a lattice of zeros; the device must take it."""
        session = Session(skeleton, network, np.zeros((1, *skeleton.spec.lattice), np.int8))
        with self._lock:
            self._ready(session)
            name = secrets.token_hex(16)
            self._sessions[name] = session
            while len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return name

    def spec(self, name: str) -> Spec:
        """Return the spec of a session's skeleton."""
        return self._find(name).spec

    def load_image(self, name: str, pixels: bytes) -> bytes:
        """Encode an image; the step count is 0."""
        session = self._find(name)
        size = session.spec.image
        images = as_images(array_of(pixels, np.uint8, (1, size, size)), session.spec)

        def work(device: Device) -> int:
            device.load_images(images)
            return 0

        return self._do(session, work)

    def load_state(self, name: str, codes: bytes, step: int) -> bytes:
        """Take a raw lattice as the state after ``step``."""
        session = self._find(name)
        states = as_states(array_of(codes, np.int8, (1, *session.spec.lattice)), session.spec)

        def work(device: Device) -> int:
            device.load_states(states, step)
            return step

        return self._do(session, work)

    def step(self, name: str, gated: bool) -> bytes:
        """Make one more step, with the session's gate or without."""
        session = self._find(name)
        network = session.network if gated else None

        def work(device: Device) -> int:
            run(device, network, 1)
            return session.step + 1

        return self._do(session, work)

    def wipe(self, name: str, bits: bytes) -> bytes:
        """Set all channels of the marked cells to 0; a bit for each cell, low bit first."""
        session = self._find(name)
        marks = array_of(bits, np.uint8, (-(-session.spec.cells // 8),))
        bits_of_cells = np.unpackbits(marks, count=session.spec.cells, bitorder="little")
        cells: np.ndarray = bits_of_cells.astype(bool)

        def work(device: Device) -> int:
            device.zero_cells(cells[None])
            return session.step

        return self._do(session, work)

    def close(self) -> None:
        """Give the device back."""
        with self._lock:
            self._drop()

    def _find(self, name: str) -> Session:
        try:
            self._sessions.move_to_end(name)
            return self._sessions[name]
        except KeyError:
            raise NoSession("The page's session is not known: load the page again") from None

    def _do(self, session: Session, work: Callable[[Device], int]) -> bytes:
        """Do a part of a session's run, which returns the step, and return what came of it."""
        with self._lock:
            device = self._ready(session)
            try:
                step = work(device)
                state, image = device.read_states(), device.read_images()
            except BaseException:
                self._drop()
                raise
            session.state, session.step = state, step
        return struct.pack("<I", step) + state.tobytes() + image.tobytes()

    def _ready(self, session: Session) -> Device:
        """Return the device with the session's lattice on it."""
        wanted = session.skeleton.digest, session.spec
        if self._device is None or self._held != wanted:
            self._drop()
            self._device, self._held = self._open((session.skeleton,)), wanted
        if self._holder is not session:
            try:
                self._device.choose(0)
                self._device.load_states(session.state, session.step)
            except BaseException:
                self._drop()
                raise
            self._holder = session
        return self._device

    def _drop(self) -> None:
        """Forget the device, and close it where it can be closed."""
        close = getattr(self._device, "close", None)
        self._device = self._held = self._holder = None
        if close is not None:
            with suppress(Exception):  # it may have gone
                close()


def array_of(data: bytes, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """Return bytes as an array; raise `InputError` unless they are as many."""
    found: np.ndarray = np.frombuffer(data, dtype)
    if found.size != np.prod(shape):
        raise InputError(f"The body must have {np.prod(shape)} bytes, not {found.size}")
    return found.reshape(shape)
