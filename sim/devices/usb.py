"""The simulated board at a USB host: the whole design behind D+ and D-, and a port to it."""

import ctypes
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.shapes import Geometry
from sim.devices.board import RATIO, SimulatedPort
from sim.devices.designs import UsbBoardDesign
from sim.devices.library import HANDLE, INTEGER, WIDE, Function
from sim.devices.served import ServedModel

__all__ = ["CLOCK", "HostCounts", "HostFault", "SimulatedUsbBoard", "UsbModel", "UsbPort"]

CLOCK = 48_000_000
"""Nominal clock of the port's wires: what all time counts in here."""

FRAME = CLOCK // 1000
"""Clocks of a frame: before its end the host may wait."""

FRAMES = 100
"""Frames in which a host finds a device."""

FUNCTIONS: tuple[Function, ...] = (
    ("board_plug", None, (HANDLE, INTEGER)),
    ("board_reset_bus", None, (HANDLE,)),
    ("board_disturb", None, (HANDLE, INTEGER, INTEGER, INTEGER)),
    ("board_account", None, (HANDLE, ctypes.POINTER(WIDE))),
)
"""What `usb_board.cpp` has."""


class HostFault(enum.IntEnum):
    """What can happen to a packet of the host, or to one that it hears: see `usb_wire.h`."""

    LOSE_SAID = 1
    FLIP_SAID = 2
    DOUBLE_SAID = 3
    LOSE_HEARD = 4
    FLIP_HEARD = 5


class HostCounts(NamedTuple):
    """What a simulated host knows and has counted."""

    ready: int
    """Whether it has found the device and can use it."""
    undisturbed: int
    """Whether no fault is still to come."""
    vendor: int
    product: int
    found: int
    """Times that it found a device."""
    transactions: int
    naks: int
    stalls: int
    lost: int
    """Answers that did not come, or were not whole."""
    repeated: int
    """Packets that came a second time."""
    out: int
    """Bytes to the board."""
    into: int
    """Bytes from the board."""


class UsbModel(ServedModel):
    """A design of which the wires of a USB port lead to a host: see `usb_host.h`."""

    plugged = True
    """Whether the host's end of the cable is in its port."""

    def plug(self, on: bool) -> None:
        """Pull the cable, or plug it in again."""
        self.plugged = on
        self._handle.call("plug", on)

    def reset_bus(self) -> None:
        """Have the host reset the bus and look for its device anew."""
        self._handle.call("reset_bus")

    def disturb(self, fault: int, packets: int, detail: int = 0) -> None:
        """Disturb a packet, after so many others; `detail` chooses which bit is flipped."""
        self._handle.call("disturb", fault, packets, detail)

    def account(self) -> HostCounts:
        """Return what the host has counted."""
        counts = (WIDE * len(HostCounts._fields))()
        self._handle.call("account", counts)
        return HostCounts._make(counts)


class SimulatedUsbBoard(UsbModel):
    """A board under Verilator at a USB host.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    patience : int
        Clocks of the link that a request waits for the chip.
    ratio : float
        Clocks of the chip to one of the link.
    memories : dict of str to list of int
        Skeleton memory images, where they are to differ from what the skeletons make.
    """

    def __init__(
        self,
        geometry: Geometry,
        skeletons: Sequence[Skeleton],
        *,
        patience: int = PATIENCE,
        ratio: float = RATIO,
        memories: Mapping[str, Sequence[int]] | None = None,
        progress: Callable[[str], None] = print,
    ) -> None:
        super().__init__(
            UsbBoardDesign(geometry, patience),
            geometry=geometry,
            patience=patience,
            ratio=ratio,
            functions=FUNCTIONS,
            progress=progress,
        )
        self.store_skeletons(skeletons, memories)
        self.reset()


class UsbPort(SimulatedPort):
    """A port to a simulated board at a USB host; it goes away when the cable is pulled."""

    name = "the simulated board's USB port"

    def __init__(self, board: UsbModel, patience: int | None = None) -> None:
        super().__init__(board, FRAME + (patience or 2 * board.patience))
        self.model = board

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.require_plugged()
        for _ in range(FRAMES):
            if self.model.account().ready:
                return super().write(data)
            self.model.clock(FRAME, 1 << 62)
        raise InputError(f"{self.name} does not come up: no such device")

    def read(self) -> bytes:
        """Wait for bytes; none if none came in time."""
        self.require_plugged()
        return super().read()

    def require_plugged(self) -> None:
        """Raise unless the cable is in its port."""
        if not self.model.plugged:
            raise InputError(f"{self.name} went away: no such device")
