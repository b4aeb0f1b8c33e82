"""The boards that have a bitstream: their part, how far the chip is folded, its clock."""

from dataclasses import dataclass

from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_45F_Platform, ULX3S_85F_Platform
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

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
            name="ulx3s-25f", platform=ULX3S_25F_Platform, filters=1, clock=150, nextpnr="--25k"
        ),
        BoardSpec(
            name="ulx3s-45f", platform=ULX3S_45F_Platform, filters=2, clock=150, nextpnr="--45k"
        ),
        BoardSpec(
            name="ulx3s-85f", platform=ULX3S_85F_Platform, filters=5, clock=125, nextpnr="--85k"
        ),
        BoardSpec(
            name="versa-ecp5-5g",
            platform=VersaECP55GPlatform,
            filters=2,
            clock=150,
            nextpnr="--um5g-45k",
        ),
    )
}


def find_board(name):
    """Return the board of that name."""
    if name not in BOARDS:
        raise InputError(f"Board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
