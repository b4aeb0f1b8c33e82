"""A chip in standard cells under Verilator: its gateware for them, or its mapped netlist."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from golden.files import read_bytes
from golden.samples import calibrated
from golden.skeleton import Skeleton, find
from hw.asic.cells import cell_verilog
from hw.asic.chips import NAME, SMALL, TINY, AsicChip, asic_chip, require_design
from hw.asic.verilog import chip_verilog
from sim.devices.chip import Chip
from sim.devices.designs import ChipDesign, Design
from sim.devices.device import SimulatedDevice

__all__ = ["AsicDesign", "AsicDevice", "MappedDesign", "chip_of"]

RANDOM = ("--x-initial", "unique")
"""Every register begins with a random value: see sim/devices/chip.cpp."""


@dataclass(frozen=True)
class AsicDesign(Design):
    """A chip for standard cells, driven through its streams.

    Parameters
    ----------
    chip : AsicChip
        The chip.
    """

    chip: AsicChip
    shims = ("chip.cpp",)
    packages: ClassVar[tuple[str, ...]] = ("amaranth", "pyosys", "verilator")
    array = "memory"
    optimise = "-O1"

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the simulated chip {self.chip.design} for standard cells"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return NAME

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [*ChipDesign(self.chip.geometry).inputs, Path(__file__)]

    @property
    def memories(self) -> dict[str, str]:
        """It is made with its skeletons: no memory is loaded."""
        return {}

    @property
    def public(self) -> list[str]:
        """No module has a memory that is loaded."""
        return []

    @property
    def header(self) -> str:
        """What its shim takes from here: lines of C++."""
        return ChipDesign(self.chip.geometry).header

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog and its macros; return Verilator's arguments for it."""
        return self.write_verilog(folder, chip_verilog(self.chip, folder / f"{NAME}.log"))

    def write_verilog(self, folder: Path, text: str) -> list[str]:
        """Write Verilog of the logic, and the macros beside it; return Verilator's arguments."""
        (folder / f"{NAME}.v").write_text(text, encoding="utf-8")
        (folder / "macros.v").write_text(self.chip.models, encoding="utf-8")
        return [*RANDOM, f"{NAME}.v", "macros.v"]


@dataclass(frozen=True)
class MappedDesign(AsicDesign):
    """The mapped netlist of a chip, each cell with its function; it is driven as the chip is.

    Parameters
    ----------
    netlist : Path
        What `hw.asic.build.build` wrote.
    liberty : Path
        The liberty file that it was mapped with.
    traced : bool
        Whether the toggles of its nets can be counted.
    """

    netlist: Path
    liberty: Path
    traced: bool = False

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the netlist of {self.chip.design} in cells of {self.liberty.name.split('.')[0]}"

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [self.netlist, self.liberty, *super().inputs]

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog and its macros; return Verilator's arguments for it."""
        netlist = json.loads(read_bytes(self.netlist))
        text = cell_verilog(netlist, self.liberty, folder / f"{NAME}.log", named=self.traced)
        return self.write_verilog(folder, text)


class AsicDevice(SimulatedDevice):
    """A chip in standard cells under Verilator as a `golden.device.Device`.

    It powers up with random values everywhere, and is reset. Its lattice memories are out of reach.

    Parameters
    ----------
    design : AsicDesign
        The chip.
    seed : int
        Seed of what it powers up with, and of the rests.
    stall, limit, progress
        As in `sim.devices.device.SimulatedDevice`.
    """

    def __init__(self, design: AsicDesign, **options: Any) -> None:
        self.skeletons = design.chip.skeletons
        self.geometry = design.chip.geometry
        self.contexts = self.geometry.contexts
        begun: Any = design  # a `Chip` needs of it what every design has
        self.begin(Chip(begun, **options))


def chip_of(design: str, names: Sequence[str] = (), *, memory: str = "logic") -> AsicChip:
    """Return a chip that holds these skeletons, names or folders; else the design's own.

    That is ``digits``, and for ``small`` and ``tiny`` a random one of their shape.
    """
    require_design(design)
    own = {"small": SMALL, "tiny": TINY}
    if names or design not in own:
        skeletons = [Skeleton.load(find(name)) for name in names or ("digits",)]
    else:
        skeletons = [calibrated(own[design], np.random.default_rng(0))]
    return asic_chip(design, skeletons, memory=memory)
