"""The simulated board: the whole design behind its two wires, and a port to it."""

from collections.abc import Callable, Mapping, Sequence

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.shapes import Geometry
from sim.devices.designs import BoardDesign
from sim.devices.served import ServedModel

__all__ = ["CLOCK", "SimulatedBoard", "SimulatedPort", "divisor_of"]

CLOCK = 24_000_000
"""Nominal clock of the link: eight to a bit at 3 Mbaud, so that little is simulated for a byte."""

RATIO = 2.135
"""Clocks of the chip to one of the link: no small fraction, so that each meets all of the other."""

SLICE = 1 << 18
"""Clocks of the link that are simulated at a time: about a second."""


def divisor_of(clock: int, baud: int) -> int:
    """Return the clocks of a bit; raise where no divisor gives the rate."""
    divisor = round(clock / baud) if baud > 0 else 0
    if divisor < 4 or abs(clock / divisor / baud - 1) > 0.02:
        raise InputError(
            f"--baud must be at most {clock // 4} and within 2 % of {clock} / n, not {baud}"
        )
    return divisor


class SimulatedBoard(ServedModel):
    """A board under Verilator, bytes at its wires.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    divisor : int
        Clocks of the link that a bit lasts.
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
        divisor: int = 8,
        patience: int = PATIENCE,
        ratio: float = RATIO,
        memories: Mapping[str, Sequence[int]] | None = None,
        progress: Callable[[str], None] = print,
    ) -> None:
        self.divisor = divisor
        design = BoardDesign(geometry, divisor, patience)
        super().__init__(
            design, geometry=geometry, patience=patience, ratio=ratio, progress=progress
        )
        self.store_skeletons(skeletons, memories)
        self.pace(divisor)
        self.reset()


class SimulatedPort:
    """A `sw.serial.link.Port` to a simulated board, in the simulation's own time.

    Parameters
    ----------
    board : ServedModel
        The board.
    patience : int
        Clocks in which nothing moves after which an answer is not waited for any longer.
    """

    name = "the simulated board"

    def __init__(self, board: ServedModel, patience: int | None = None) -> None:
        self.board = board
        self.patience = patience or 2 * board.patience

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.board.send(data)

    def read(self) -> bytes:
        """Wait for bytes; none if none came in time."""
        data = self.board.receive()
        if not data:
            quiet = self.board.quiet + self.patience
            while self.board.clock(SLICE, quiet) == SLICE:  # signals are looked at in between
                pass
            data = self.board.receive()
        return data

    def close(self) -> None:
        """Do nothing: the board is there for the next."""
