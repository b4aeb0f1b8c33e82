"""What answers a host over a byte stream, under Verilator: bytes at its wires, and clocks."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from golden.library import load_library
from golden.skeleton import Skeleton
from hw.ports import FLUSH
from hw.shapes import Geometry
from hw.skeleton_memory import images, layouts
from sim.devices.designs import Design
from sim.devices.library import HANDLE, INTEGER, WIDE, WORDS, Function, Handle, declare
from sim.devices.packing import word_count
from sim.devices.verilate import build_library

__all__ = ["ServedModel"]

REAL = ctypes.c_double
FUNCTIONS: tuple[Function, ...] = (
    ("board_new", HANDLE, (REAL,)),
    ("board_delete", None, (HANDLE,)),
    ("board_store", INTEGER, (HANDLE, INTEGER, INTEGER, WORDS)),
    ("board_pace", None, (HANDLE, REAL, REAL)),
    ("board_reset", None, (HANDLE, INTEGER)),
    ("board_send", None, (HANDLE, ctypes.c_char_p, INTEGER)),
    ("board_receive", INTEGER, (HANDLE, ctypes.c_char_p, INTEGER)),
    ("board_clock", WIDE, (HANDLE, WIDE, WIDE)),
    ("board_clocks", WIDE, (HANDLE,)),
    ("board_chip_clocks", WIDE, (HANDLE,)),
    ("board_quiet", WIDE, (HANDLE,)),
)
"""What `served.cpp` has."""


class ServedModel:
    """A design of which two wires lead to a host.

    Parameters
    ----------
    design : Design
        What is simulated.
    patience : int
        Clocks of the link that a request waits for the chip.
    ratio : float
        Clocks of the chip to one of the link.
    functions : sequence of Function
        What its library has beside the usual ones.
    """

    def __init__(
        self,
        design: Design,
        *,
        geometry: Geometry,
        patience: int,
        ratio: float = 1,
        functions: Sequence[Function] = (),
        progress: Callable[[str], None] = print,
    ) -> None:
        self.design = design
        self.geometry = geometry
        self.patience = patience
        library = load(build_library(design, progress), functions)
        self._handle = Handle(library, "board", ratio)

    def pace(self, to_board: float, from_board: float | None = None) -> None:
        """Set the clocks of a bit, or of a byte where there are no bits, at the host's end."""
        self._handle.call("pace", to_board, from_board or to_board)

    def reset(self) -> None:
        """Reset the board, as its button would."""
        self._handle.call("reset", FLUSH)

    def send(self, data: bytes) -> None:
        """Put bytes onto the wire to the board, behind those that wait."""
        self._handle.call("send", data, len(data))

    def receive(self, most: int = 4096) -> bytes:
        """Return bytes that have come over the wire from the board."""
        data = ctypes.create_string_buffer(most)
        count = self._handle.call("receive", data, most)
        return data.raw[:count]

    def clock(self, limit: int, quiet: int) -> int:
        """Clock until a frame has ended, the wires have been quiet for a while, or a limit.

        Returns the clocks that passed.
        """
        found: int = self._handle.call("clock", limit, quiet)
        return found

    @property
    def clocks(self) -> int:
        """Clocks of the link so far: all that is said of time here counts in these."""
        found: int = self._handle.call("clocks")
        return found

    @property
    def chip_clocks(self) -> int:
        """Clocks of the chip so far."""
        found: int = self._handle.call("chip_clocks")
        return found

    @property
    def quiet(self) -> int:
        """Clocks since a wire last moved."""
        found: int = self._handle.call("quiet")
        return found

    def store_skeletons(
        self,
        skeletons: Sequence[Skeleton],
        memories: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        """Replace what the skeleton memories hold: by ``memories`` where they are given."""
        memories = memories or images(self.geometry, skeletons)
        shapes = layouts(self.geometry)
        for index, name in enumerate(self.design.memories):
            self._handle.store(index, word_count(shapes[name]), memories[name])


def load(path: Path, functions: Sequence[Function] = ()) -> ctypes.CDLL:
    """Load the library and declare its functions."""
    return declare(load_library(path), (*FUNCTIONS, *functions))
