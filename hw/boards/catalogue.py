"""The boards that have a bitstream: their part, how far the chip is folded, its clock."""

from dataclasses import dataclass, field, replace

from amaranth.build import Platform
from amaranth_boards.ulx3s import (
    ULX3S_12F_Platform,
    ULX3S_25F_Platform,
    ULX3S_45F_Platform,
    ULX3S_85F_Platform,
)
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from golden.errors import InputError
from hw.boards.ecp5 import Ecp5
from hw.boards.rates import LINKS, LinkSpec, find_link

__all__ = ["BOARDS", "PARTS", "BoardSpec", "Part", "find_board"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What nextpnr lets a design have of a part.

    `promised` is the same as the data sheet has it, where that is less. DSP blocks lie where a row
    and a column meet; each has four multipliers.
    """

    dsp_rows: tuple[int, ...]
    dsp_columns: tuple[int, ...]
    bram: int
    lut: int
    ff: int
    promised: dict[str, int] = field(default_factory=dict)

    @property
    def multipliers(self) -> int:
        """Multipliers of 18 x 18 bits."""
        return 4 * len(self.dsp_rows) * len(self.dsp_columns)


SMALL = Part(
    dsp_rows=(13,), dsp_columns=(4, 13, 22, 33, 42, 51, 60), bram=56, lut=24_288, ff=24_288
)

PARTS = {
    # The die of the 25F, which Lattice sells as less than half of it.
    "12F": replace(SMALL, promised={"bram": 32, "lut": 12_000}),
    "25F": SMALL,
    "45F": Part(
        dsp_rows=(22, 46),
        dsp_columns=(4, 13, 22, 31, 42, 51, 60, 69, 78),
        bram=108,
        lut=43_848,
        ff=43_848,
    ),
    "85F": Part(
        dsp_rows=(10, 34, 58),
        dsp_columns=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114),
        bram=208,
        lut=83_640,
        ff=83_640,
    ),
}
"""The parts, by the end of their names."""


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """One board.

    `clock` is the chip's clock in MHz, and `aim` what placement and routing aim at, where that is
    more: they leave alone what is fast enough. `nextpnr` has the part, and what else the board
    needs, for nextpnr-ecp5, `loader` the board or its cable for openFPGALoader.
    """

    name: str
    platform: type
    filters: int
    clock: float
    aim: float | None = None
    nextpnr: tuple[str, ...]
    loader: tuple[str, ...]

    @property
    def wanted(self) -> float:
        """MHz that placement and routing aim at."""
        return self.aim or self.clock

    @property
    def part(self) -> Part:
        """What the part has."""
        return PARTS[self.platform.device[-3:]]

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links that the board has pins for."""
        named = {resource.name for resource in self.platform.resources}
        return tuple(link for link in LINKS if link in named)

    def require_link(self, link: str) -> LinkSpec:
        """Return the link of that name; raise unless the board has it."""
        found = find_link(link)
        if link not in self.links:
            raise InputError(
                f"{self.name} must have a {found.name} port at the FPGA, "
                f"it has {' and '.join(LINKS[name].name for name in self.links)}"
            )
        return found

    def make_platform(self) -> Platform:
        """Return an Amaranth platform whose primitives are the part's own."""
        return type(self.platform.__name__, (Ecp5, self.platform), {})()


ULX3S = ("-b", "ulx3s")

BOARDS = {
    board.name: board
    for board in (
        BoardSpec(
            name="ulx3s-12f",
            platform=ULX3S_12F_Platform,
            filters=2,
            clock=175,
            nextpnr=("--12k",),
            loader=ULX3S,
        ),
        BoardSpec(
            name="ulx3s-25f",
            platform=ULX3S_25F_Platform,
            filters=2,
            clock=175,
            nextpnr=("--25k",),
            loader=ULX3S,
        ),
        BoardSpec(
            name="ulx3s-45f",
            platform=ULX3S_45F_Platform,
            filters=5,
            clock=175,
            nextpnr=("--45k",),
            loader=ULX3S,
        ),
        BoardSpec(
            name="ulx3s-85f",
            platform=ULX3S_85F_Platform,
            filters=10,
            clock=140,
            aim=165,
            nextpnr=(
                "--85k",
                *("--router", "router2", "--tmg-ripup"),
                *("--placer-heap-timingweight", "30"),
            ),
            loader=ULX3S,
        ),
        BoardSpec(
            name="versa-ecp5-5g",
            platform=VersaECP55GPlatform,
            filters=5,
            clock=200,
            nextpnr=("--um5g-45k",),
            loader=("-c", "ft2232"),
        ),
    )
}


def find_board(name: str) -> BoardSpec:
    """Return the board of that name."""
    if name not in BOARDS:
        raise InputError(f"Board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
