"""The bare chip as a native library: items into its streams and out of them, clocks in between."""

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from golden.errors import ToolError
from golden.library import load_library
from hw.shapes import Geometry
from hw.skeleton_memory import layouts
from sim.devices.account import Account, account_of
from sim.devices.designs import ChipDesign, Port
from sim.devices.library import HANDLE, INTEGER, WIDE, WORDS, Function, Handle, declare, pointer
from sim.devices.packing import word_count
from sim.devices.verilate import build_library

__all__ = ["FOREVER", "Chip"]

FOREVER = (1 << 31) - 1
SLICE = 1 << 20
"""Clocks that are simulated at a time: about half a second."""

STUCK = 2

FUNCTIONS: tuple[Function, ...] = (
    ("chip_new", HANDLE, (ctypes.c_uint32, ctypes.c_uint32)),
    ("chip_delete", None, (HANDLE,)),
    ("chip_store", INTEGER, (HANDLE, INTEGER, INTEGER, WORDS)),
    ("chip_reset", None, (HANDLE,)),
    ("chip_check", INTEGER, (HANDLE, WIDE, WORDS)),
    ("chip_push", None, (HANDLE, INTEGER, WORDS, INTEGER)),
    ("chip_waiting", INTEGER, (HANDLE, INTEGER)),
    ("chip_pop", None, (HANDLE, INTEGER, WORDS, INTEGER)),
    ("chip_clock", INTEGER, (HANDLE, WIDE, WIDE, INTEGER, INTEGER)),
    ("chip_think", None, (HANDLE, WIDE)),
    ("chip_account", None, (HANDLE, ctypes.POINTER(WIDE))),
    ("chip_counter", WIDE, (HANDLE, INTEGER)),
    ("chip_lattice", INTEGER, (HANDLE, INTEGER, WORDS, INTEGER, INTEGER)),
)
TRACED: tuple[Function, ...] = (
    ("chip_trace", None, (HANDLE, ctypes.c_char_p)),
    ("chip_trace_end", None, (HANDLE,)),
)
"""Functions of a chip that counts toggles."""


class Chip:
    """A chip under Verilator.

    Parameters
    ----------
    design : ChipDesign
        Its build.
    seed, stall, limit : int
        As in `sim.devices.device.SimulatedDevice`.
    """

    def __init__(
        self,
        design: ChipDesign,
        *,
        seed: int = 0,
        stall: int = 0,
        limit: int = 1 << 22,
        progress: Callable[[str], None] = print,
    ) -> None:
        self.limit = limit
        self._handle = Handle(load(build_library(design, progress)), "chip", seed, stall)

    def store(self, geometry: Geometry, memories: Mapping[str, Sequence[int]]) -> None:
        """Replace what the skeleton memories hold."""
        for index, (name, layout) in enumerate(layouts(geometry).items()):
            self._handle.store(index, word_count(layout), memories[name])

    def reset(self) -> None:
        """Raise reset, for as long as the chip demands it."""
        self._handle.call("reset")

    def check(self) -> int:
        """Clock until the chip has checked its skeletons; return which are damaged, a bit each."""
        damaged = ctypes.c_uint32()
        if not self._handle.call("check", self.limit, ctypes.byref(damaged)):
            raise ToolError(f"The simulated chip checks no skeleton within {self.limit} clocks")
        return damaged.value

    def push(self, port: Port, items: np.ndarray) -> None:
        """Queue items for a stream into the chip."""
        items = np.ascontiguousarray(items, np.uint32)
        self._handle.call("push", port, pointer(items), items.size)

    def waiting(self, port: Port) -> int:
        """Return how many items have come out of a stream."""
        found: int = self._handle.call("waiting", port)
        return found

    def pop(self, port: Port, count: int) -> np.ndarray:
        """Return items that have come out of a stream."""
        items = np.empty(count, np.uint32)
        self._handle.call("pop", port, pointer(items), count)
        return items

    def clock(self, data: int = FOREVER, plane: int = FOREVER) -> None:
        """Clock until outputs hold so much, in slices: signals are looked at in between."""
        while ended := self._handle.call("clock", SLICE, self.limit, data, plane):
            if ended == STUCK:
                raise ToolError(
                    f"The simulated chip is stuck: nothing moves in {self.limit} clocks"
                )

    def exchange(self, context: int, rows: np.ndarray, *, write: bool) -> None:
        """Copy the rows of a lattice memory from ``rows`` or to it."""
        if self._handle.call("lattice", context, pointer(rows), rows.size, int(write)):
            raise ValueError(f"The simulated chip has no lattice memory {context}")

    @property
    def clocks(self) -> int:
        """Clocks simulated since the chip was made."""
        found: int = self._handle.call("counter", 0)
        return found

    @property
    def counters(self) -> tuple[int, int]:
        """The engine's own counters: clocks of passes, and those in which filters were computed."""
        return self._handle.call("counter", 1), self._handle.call("counter", 2)

    def think(self, clocks: int) -> None:
        """Let clocks pass in which the host works on a gate."""
        self._handle.call("think", clocks)

    def account(self) -> Account:
        """Return what all clocks so far went into: the wire is any stream of data or deltas."""
        counts = (WIDE * 8)()
        self._handle.call("account", counts)
        return account_of(list(counts))

    @contextmanager
    def trace(self, path: Path) -> Iterator[None]:
        """Have the toggles of every net, once a clock, in a SAIF file when the block is through."""
        self._handle.call("trace", str(path).encode())
        try:
            yield
        finally:
            self._handle.call("trace_end")


def load(path: Path) -> ctypes.CDLL:
    """Load the library and declare its functions."""
    library = load_library(path)
    traced = TRACED if hasattr(library, TRACED[0][0]) else ()
    return declare(library, (*FUNCTIONS, *traced))
