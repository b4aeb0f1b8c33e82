"""The chip behind its link, at the end of a byte stream of any rate; what its clocks go into."""

import ctypes
from collections.abc import Callable, Sequence

from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.shapes import Geometry
from sim.devices.account import COUNTS, Account, account_of
from sim.devices.board import SimulatedPort
from sim.devices.designs import WireDesign
from sim.devices.library import HANDLE, WIDE, Function
from sim.devices.served import ServedModel

__all__ = ["SimulatedWire", "TurningPort"]

FUNCTIONS: tuple[Function, ...] = (
    ("board_think", None, (HANDLE, WIDE)),
    ("board_account", None, (HANDLE, ctypes.POINTER(WIDE))),
)
"""What `wire.cpp` has."""


class SimulatedWire(ServedModel):
    """A chip behind its link under Verilator, whose host's bytes take a set number of clocks each.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    pace : float
        Clocks of a byte, each way.
    patience : int
        Clocks that a request waits for the chip.
    """

    def __init__(
        self,
        geometry: Geometry,
        skeletons: Sequence[Skeleton],
        *,
        pace: float = 1.0,
        patience: int = PATIENCE,
        progress: Callable[[str], None] = print,
    ) -> None:
        super().__init__(
            WireDesign(geometry, patience),
            geometry=geometry,
            patience=patience,
            functions=FUNCTIONS,
            progress=progress,
        )
        self.store_skeletons(skeletons)
        self.pace(pace)

    def think(self, clocks: int) -> None:
        """Let clocks pass in which the host works on a gate."""
        self._handle.call("think", clocks)

    def account(self) -> Account:
        """Return what all clocks so far went into."""
        counts = (WIDE * COUNTS)()
        self._handle.call("account", counts)
        return account_of(list(counts))


class TurningPort(SimulatedPort):
    """A port at a host that takes some time to turn from one request to the next.

    Parameters
    ----------
    wire : SimulatedWire
        The chip behind its link.
    turn : int
        Clocks that pass before a request is sent.
    """

    def __init__(self, wire: SimulatedWire, turn: int) -> None:
        super().__init__(wire)
        self.turn = turn

    def write(self, data: bytes) -> None:
        """Send bytes, a turn from now."""
        if self.turn:
            self.board.clock(self.turn, 1 << 62)
        super().write(data)
