"""The chip behind its link, at the end of a byte stream of any rate; what its clocks go into."""

import ctypes

from hw.link.link import PATIENCE
from sim.devices.account import COUNTS, account_of
from sim.devices.board import SimulatedBoard
from sim.devices.verilate import WireDesign

__all__ = ["SimulatedWire"]


class SimulatedWire(SimulatedBoard):
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

    def __init__(self, geometry, skeletons, *, pace=1.0, patience=PATIENCE, progress=print):
        self._start(WireDesign(geometry, patience), skeletons, progress=progress)
        for name, arguments in (
            ("board_think", (ctypes.c_void_p, ctypes.c_uint64)),
            ("board_account", (ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64))),
        ):
            getattr(self._library, name).restype = None
            getattr(self._library, name).argtypes = arguments
        self.pace(pace)

    def think(self, clocks):
        """Let clocks pass in which the host works on a gate."""
        self._library.board_think(self._board, clocks)

    def account(self):
        """Return what all clocks so far went into."""
        counts = (ctypes.c_uint64 * COUNTS)()
        self._library.board_account(self._board, counts)
        return account_of(list(counts))
