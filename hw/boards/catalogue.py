"""The boards that have a bitstream: their part, how far the chip is folded, its clock."""

from dataclasses import dataclass

from amaranth_boards.ulx3s import ULX3S_25F_Platform

from golden.errors import InputError
from hw.boards.ecp5 import Ecp5

__all__ = ["BOARDS", "BoardSpec", "find_board"]


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """One board.

    `clock` is the chip's clock in MHz; `nextpnr` names the part for nextpnr-ecp5.
    """

    name: str
    platform: type
    filters: int
    clock: int
    nextpnr: str

    def make_platform(self):
        """Return an Amaranth platform whose primitives are the part's own."""
        return type(self.platform.__name__, (Ecp5, self.platform), {})()


BOARDS = {
    board.name: board
    for board in (
        BoardSpec(
            name="ulx3s-25f", platform=ULX3S_25F_Platform, filters=1, clock=90, nextpnr="--25k"
        ),
    )
}


def find_board(name):
    """Return the board of that name."""
    if name not in BOARDS:
        raise InputError(f"Board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
