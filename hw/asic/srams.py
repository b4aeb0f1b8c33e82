"""The SRAMs of the PDKs, and which of them a memory of the chip is made of.

Names, sizes and delays are those of the PDKs' LEF and liberty files; nothing else of them is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from amaranth.utils import ceil_log2

from golden.errors import InputError
from hw.asic.macros import Macro

__all__ = ["SRAMS", "Assembly", "Sram", "SramLibrary", "assemble"]


@dataclass(frozen=True)
class Sram:
    """A memory block of a PDK.

    Parameters
    ----------
    name : str
        Its module, and the stem of its files.
    rows, bits : int
        Rows, a power of two, and bits of a row.
    single : bool
        Whether it has one port; else one to write and one to read.
    size : tuple of float
        Width and height in micrometres.
    access : dict of str to float
        Most ns from the clock to the data, by corner; empty where they come with the other edge of
        the clock.
    """

    name: str
    rows: int
    bits: int
    single: bool
    size: tuple[float, float]
    access: dict[str, float]

    @property
    def area(self) -> float:
        """Square micrometres."""
        return self.size[0] * self.size[1]


@dataclass(frozen=True)
class SramLibrary:
    """The memory blocks of a PDK.

    Parameters
    ----------
    pdk : str
        Name of the PDK, and of its folder.
    folder : str
        Where the files are below the PDK's folder.
    srams : tuple of Sram
        The blocks.
    mask : int
        Bits that share a bit of the write mask.
    holds : bool
        Whether the data stay until the next read.
    corners : dict of str to str
        Ending of the liberty file's name for each pattern of LibreLane's timing corners.
    supplies : tuple of tuple of str
        Pins of power and ground, pair by pair.
    orientation : str
        How a block lies below the logic, so that its pins are towards it.
    """

    pdk: str
    folder: str
    srams: tuple[Sram, ...]
    mask: int
    holds: bool
    corners: dict[str, str]
    supplies: tuple[tuple[str, str], ...]
    orientation: str


def ihp(ports: str, shape: str, width: float, height: float, typ: float, slow: float) -> Sram:
    """Return an SRAM of IHP's from its ports and its shape: rows x bits, and columns."""
    rows, bits = map(int, shape.split("_")[0].split("x"))
    access = {"typ": typ, "slow": slow}
    name = f"RM_IHPSG13_{ports}_{shape}_bm_bist"
    return Sram(name, rows, bits, ports == "1P", (width, height), access)


IHP = SramLibrary(
    pdk="ihp-sg13g2",
    folder="libs.ref/sg13g2_sram",
    srams=(
        ihp("1P", "256x8_c3", 236.8, 74.1, 3.16, 5.28),
        ihp("1P", "256x16_c2", 236.8, 118.78, 3.18, 5.31),
        ihp("1P", "256x32_c2", 416.64, 118.78, 3.25, 5.44),
        ihp("1P", "512x8_c3", 236.8, 110.38, 3.16, 5.27),
        ihp("1P", "512x16_c2", 236.8, 191.34, 3.94, 6.56),
        ihp("1P", "512x32_c2", 416.64, 191.34, 4.01, 6.69),
        ihp("1P", "1024x8_c2", 146.88, 336.46, 4.43, 7.36),
        ihp("1P", "1024x16_c2", 236.8, 336.46, 4.46, 7.42),
        ihp("1P", "1024x32_c2", 416.64, 336.46, 4.54, 7.56),
        ihp("1P", "4096x8_c3", 236.8, 618.3, 5.48, 9.11),
        ihp("1P", "4096x16_c3", 416.64, 618.3, 5.54, 9.2),
        ihp("2P", "256x8_c2", 278.51, 136.97, 3.16, 5.3),
        ihp("2P", "256x16_c2", 419.95, 136.97, 3.19, 5.39),
        ihp("2P", "256x32_c2", 702.83, 136.97, 3.25, 5.57),
        ihp("2P", "512x8_c2", 261.17, 219.77, 3.94, 6.57),
        ihp("2P", "512x16_c2", 402.61, 219.77, 4.0, 6.67),
        ihp("2P", "512x32_c2", 685.49, 219.77, 4.11, 6.87),
        ihp("2P", "1024x16_c2", 402.61, 385.37, 4.52, 7.52),
        ihp("2P", "1024x32_c2", 685.49, 385.37, 4.63, 7.72),
    ),
    mask=1,
    holds=True,
    corners={
        "*_typ_1p20V_25C": "_typ_1p20V_25C",
        "*_slow_1p08V_125C": "_slow_1p08V_125C",
        "*_fast_1p32V_m40C": "_fast_1p32V_m55C",
    },
    supplies=(("VDD!", "VSS!"), ("VDDARRAY!", "VSS!")),
    orientation="FS",
)

SKY130 = SramLibrary(
    pdk="sky130A",
    folder="libs.ref/sky130_sram_macros",
    srams=(
        Sram("sky130_sram_1kbyte_1rw1r_32x256_8", 256, 32, False, (479.78, 397.5), {}),
        Sram("sky130_sram_2kbyte_1rw1r_32x512_8", 512, 32, False, (683.1, 416.54), {}),
    ),
    mask=8,
    holds=False,
    corners={"*": "_TT_1p8V_25C"},
    supplies=(("vccd1", "vssd1"),),
    orientation="N",
)

SRAMS = {"sg13g2": IHP, "sky130": SKY130}
"""The blocks that go with each library of cells."""


@dataclass(frozen=True)
class Assembly:
    """How a memory is made of blocks of one kind.

    A row of a block holds `lanes` rows of the memory, or a row of the memory is cut into `columns`;
    `banks` of all that follow each other.
    """

    library: SramLibrary
    sram: Sram
    lanes: int
    columns: int
    banks: int

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self.columns * self.banks

    @property
    def stride(self) -> int:
        """Bits of a lane, or of a column."""
        return self.sram.bits // self.lanes


def assemble(macro: Macro, library: SramLibrary) -> Assembly:
    """Return how a memory is made of a PDK's blocks with the least area."""
    if not macro.granularity:
        raise InputError(
            f"{macro.name} must be logic: {library.pdk} has no read-only memory "
            "(--skeleton-memory logic)"
        )
    found = list(assemblies(macro, library))
    if not found:
        raise InputError(f"{macro.name} must be one that the SRAMs of {library.pdk} can hold")
    return min(found, key=lambda made: (made.count * made.sram.area, made.count))


def assemblies(macro: Macro, library: SramLibrary) -> Iterator[Assembly]:
    """Yield the ways to make a memory of blocks of one kind."""
    for sram, lanes in product(library.srams, (1, 2, 4, 8)):
        stride = sram.bits // lanes
        wide = macro.bits > stride
        # A block of two ports serves as one of a single port too, never the other way round.
        if sram.single > macro.single or stride % library.mask or (wide and lanes > 1):
            continue
        if macro.granularity < macro.bits and macro.granularity % library.mask:
            continue
        yield Assembly(
            library,
            sram,
            lanes,
            columns=-(-macro.bits // stride),
            banks=1 << ceil_log2(-(-macro.rows // (sram.rows * lanes))),
        )
