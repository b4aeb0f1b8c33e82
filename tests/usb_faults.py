# amaranth: UnusedElaboratable=no
"""Faults at a USB host: packets lost, doubled and flipped, resets of the bus, a pulled cable.

``python -m tests.faults --usb --cases 2000`` runs as many seeded cases. Beyond what `tests.faults`
holds every case to, nothing has to be asked for again in a run of which only packets were
disturbed: USB repeats them itself.
"""

from golden.errors import InputError
from sim.devices.usb import HostFault, SimulatedUsbBoard, UsbPort
from tests.faults import Bench, HostDied

__all__ = ["KINDS", "UsbBench", "UsbFaultyPort"]

PACKETS = {fault.name.lower(): fault for fault in HostFault}
KINDS = (*PACKETS, "bus reset", "unplug", "die")


class UsbFaultyPort(UsbPort):
    """A port at whose host things happen, until they have a few times.

    Parameters
    ----------
    board : SimulatedUsbBoard
        The board.
    rng : numpy.random.Generator
        Decides what happens.
    kinds : list of str
        What is still to happen, in this order.
    """

    def __init__(self, board, rng, kinds=()):
        super().__init__(board)
        self.rng = rng
        self.kinds = list(kinds)

    def write(self, data):
        """Send bytes; something may happen meanwhile."""
        happens = self.kinds and self.rng.random() < 0.3 and self.board.account().undisturbed
        super().write(data)
        if happens:
            self.disturb(self.kinds.pop(0), len(data))

    def disturb(self, kind, size):
        """Let a fault come, now or a few packets later."""
        board = self.board
        if kind in PACKETS:
            packets, detail = (int(self.rng.integers(0, most)) for most in (12, 1 << 16))
            return board.disturb(PACKETS[kind], packets, detail)
        board.clock(int(self.rng.integers(1, 80 * size + 4000)), 1 << 62)
        if kind == "die":
            raise HostDied
        if kind == "bus reset":
            return board.reset_bus()
        board.plug(False)
        return board.clock(int(self.rng.integers(1, 1 << 18)), 1 << 62)


class UsbBench(Bench):
    """A board at a USB host, and what its runs must give."""

    kinds = KINDS
    reported = (InputError,)

    def make_board(self, geometry, *, divisor, **options):
        """Return the board."""
        return SimulatedUsbBoard(geometry, self.skeletons, **options)

    def faulty_port(self, rng, planned):
        """Return a port to the board on which faults are planned."""
        return UsbFaultyPort(self.board, rng, planned)

    def calm_port(self):
        """Return a port to the board, plugged in, that is not disturbed any longer."""
        if not self.board.plugged:
            self.board.plug(True)
        self.board.disturb(0, 0)
        return UsbPort(self.board, self.calm)

    def look(self, device, planned, seed):
        """Hold a run whose packets were disturbed to have asked nothing again."""
        if {*planned} <= {*PACKETS}:
            link = device.link
            self.require((link.repeats, link.broken) == (0, 0), seed, "had to ask again")
