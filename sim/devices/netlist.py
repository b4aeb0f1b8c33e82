"""The mapped netlist of a board under Verilator: the very file that is placed, behind its pins."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from golden.errors import InputError
from golden.files import read_bytes
from hw.boards.top import BoardTop
from hw.flow.synthesis import NAME
from hw.flow.yosys import share, yosys
from hw.ports import FLUSH
from sim.devices.designs import HERE, Design
from sim.devices.served import ServedModel

__all__ = ["NetlistBoard", "NetlistDesign", "write_library"]

CELLS = share() / "ecp5"
MODELS = HERE.parent / "models" / "ecp5"
LIBRARY = ("cells_sim.v", "common_sim.vh", "ccu2c_sim.vh")
MEMORY = "DP16KD"


@dataclass(frozen=True)
class NetlistDesign(Design):
    """A mapped netlist, driven through the pins of its clock and its UART.

    Parameters
    ----------
    netlist : Path
        What Yosys wrote for nextpnr.
    board : str
        The board's name.
    clock : str
        Name of the board's oscillator.
    """

    netlist: Path
    board: str
    clock: str
    shims = ("board.cpp", "served.cpp")
    options: ClassVar[tuple[str, ...]] = ()
    """Further arguments of Verilator."""
    array = "nines"
    optimise = "-O1"  # a hundred thousand lines: -O3 takes minutes for little

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the netlist of {self.board}"

    @property
    def top(self) -> str:
        """Name of its top module."""
        return f"{NAME}_netlist"

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [self.netlist, Path(__file__), *sorted(CELLS.glob("*")), *sorted(MODELS.glob("*.v"))]

    @property
    def memories(self) -> dict[str, str]:
        """Instance path of each block memory, below the top module, by its name in the netlist."""
        cells = read_top(self.netlist)["cells"]
        names = [name for name, cell in cells.items() if cell["type"] == MEMORY]
        return {name: f"mapped.{memory_name(place)}" for place, name in enumerate(names)}

    @property
    def public(self) -> list[str]:
        """The modules whose array is a memory that is loaded."""
        return [MEMORY]

    def write(self, folder: Path) -> list[str]:
        """Write Verilog of it and a top with the board's pins; return Verilator's arguments."""
        module = plain(read_top(self.netlist))
        design = json.dumps({"modules": {NAME: module}})
        passes, log = ("write_verilog -noattr",), folder / f"{NAME}.yosys.log"
        text = yosys("read_json", design, passes, log, top=NAME)
        (folder / f"{NAME}.v").write_text(text, encoding="utf-8")
        top = folder / f"{self.top}.v"
        top.write_text(self.wrap(module["ports"]))
        return [*write_library(folder), *self.options, top.name, f"{NAME}.v"]

    def wrap(self, ports: Mapping[str, Any]) -> str:
        """Return Verilog of a top with the board's pins."""
        return wrapper(self.top, ports, self.clock)


def read_top(netlist: Path) -> dict[str, Any]:
    """Return the top module of a netlist."""
    try:
        return json.loads(read_bytes(netlist))["modules"][NAME]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{netlist} must be a netlist of {NAME!r} that Yosys wrote") from error


def memory_name(place: int) -> str:
    """Return the name of a block memory in the Verilog."""
    return f"memory{place}"


def plain(module: dict[str, Any]) -> dict[str, Any]:
    """Return a module with short names and pads that have a direction, all else as it is.

    The names that Yosys makes up on the way are long, and would be most of what is compiled.
    """
    cells, memories, ports = {}, 0, dict(module["ports"])
    wires = count(spare_wire(module))
    for place, cell in enumerate(module["cells"].values()):
        name = f"c{place}"
        if cell["type"] == "$scopeinfo":
            continue
        if cell["type"] == MEMORY:
            name, memories = memory_name(memories), memories + 1
        if cell["type"] == "TRELLIS_IO":
            cell = pad(cell)
        if cell["type"] == "TRELLIS_IO_BIDIR":
            cell = take_apart(cell, ports, wires)
        cells[name] = cell | {"attributes": {}}
    return module | {"attributes": {}, "cells": cells, "netnames": {}, "ports": ports}


def spare_wire(module: dict[str, Any]) -> int:
    """Return a number that no wire of a module has, and none above it."""
    parts = (*module["ports"].values(), *module["netnames"].values())
    bits = [part.get("bits", ()) for part in parts]
    bits += [wires for cell in module["cells"].values() for wires in pins_of(cell).values()]
    return 1 + max((bit for wires in bits for bit in wires if isinstance(bit, int)), default=0)


def pins_of(cell: dict[str, Any]) -> dict[str, list[int | str]]:
    """Return the wires of a cell's pins."""
    pins: dict[str, list[int | str]] = cell.get("connections", {})
    return pins


def take_apart(cell: dict[str, Any], ports: dict[str, Any], wires: Iterator[int]) -> dict[str, Any]:
    """Return a pad of both directions that has a pin for each, and give the module ports for them.

    Verilator has no wire that both sides drive.
    """
    name = next(name for name, port in ports.items() if port["bits"] == cell["connections"]["B"])
    ports[name] = ports[name] | {"direction": "input"}
    more = {pin: [next(wires)] for pin in ("LEVEL", "DRIVES")}
    for pin, bits in more.items():
        ports[f"{name}__{pin.lower()}"] = {"direction": "output", "bits": bits}
    directions = cell["port_directions"] | {"B": "input"} | dict.fromkeys(more, "output")
    return cell | {"connections": pins_of(cell) | more, "port_directions": directions}


def pad(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a pad as the model of its direction."""
    direction = cell["parameters"]["DIR"]
    pins = cell["port_directions"] | {"B": direction.lower()}
    return cell | {"type": f"TRELLIS_IO_{direction}", "parameters": {}, "port_directions": pins}


def wrapper(top: str, ports: Mapping[str, Any], clock: str) -> str:
    """Return a top that has the pins of `hw.board.Board`; other inputs of the board rest high."""
    wanted = {rf"{clock}_0__(io|p)": "clk", "uart_0__rx__io": "rx", "uart_0__tx__io": "tx"}
    return wrap(f"{top}(input clk, rst, link_clk, link_rst, rx, output tx)", ports, wanted,
                f"a clock {clock} and a UART")  # fmt: skip


def wrap(heading: str, ports: Mapping[str, Any], wanted: Mapping[str, str], parts: str) -> str:
    """Return a module around a netlist, some of whose ports have pins: patterns of their names."""
    pins = {
        port: pin
        for port in ports
        for pattern, pin in wanted.items()
        if re.fullmatch(pattern, port)
    }
    if sorted(pins.values()) != sorted(wanted.values()):
        raise InputError(f"The netlist must have {parts}, its ports are {[*ports]}")
    for name, port in ports.items():
        if name not in pins:
            pins[name] = "1'b1" if port["direction"] == "input" else ""
    connections = ", ".join(f".{name}({pin})" for name, pin in pins.items())
    return f"module {heading};\n    {NAME} mapped({connections});\nendmodule\n"


def write_library(folder: Path) -> list[str]:
    """Write the part's cells, Yosys's models and ours; return Verilator's arguments for them.

    `MODELS` has the blocks that Yosys gives no behaviour, and lookup tables that simulate faster.
    """
    text = "\n".join((CELLS / name).read_text() for name in LIBRARY)
    ours = "\n".join(path.read_text() for path in sorted(MODELS.glob("*.v")))
    for name in re.findall(r"^module (\w+)", ours, re.M):
        text = re.sub(rf"^module {name}\b.*?^endmodule$", "", text, flags=re.M | re.S)
    # One file in the folder that Verilator runs in: the paths of the originals may be odd.
    library = folder / "cells.v"
    library.write_text(re.sub(r"^`include .*$", "", text, flags=re.M) + "\n" + ours)
    # What a model says is wrong with its parameters stops the build.
    return ["-Werror-USERERROR", library.name]


class NetlistBoard(ServedModel):
    """A board whose design is its mapped netlist, initial memory contents included.

    Time counts in clocks of the link; there is no reset but switching it on.

    Parameters
    ----------
    design : NetlistDesign
        The netlist.
    top : BoardTop
        What it was made from: tells the clocks of a bit and how long the chip is waited for.
    """

    def __init__(
        self, design: NetlistDesign, top: BoardTop, *, progress: Callable[[str], None] = print
    ) -> None:
        board = top.board
        # Of the netlist's fastest clock, to one of the link's: see EHXPLLL.v.
        outputs = top.pll.chip_output, top.pll.link_output
        super().__init__(
            design,
            geometry=board.geometry,
            patience=board.linked.link.patience,
            ratio=outputs[1] // math.gcd(*outputs),
            progress=progress,
        )
        self.divisor = board.divisor
        self.pace(self.divisor)

    def send(self, data: bytes) -> None:
        """Put bytes onto the wire to the board, which is on and out of its reset by then."""
        if not self.clocks:
            self.clock(FLUSH, FLUSH)
        super().send(data)

    def fill(self, memory: str, nines: Sequence[int]) -> None:
        """Replace what a block memory holds, 2048 nines of bits, as if configured so."""
        self._handle.store([*self.design.memories].index(memory), 1, nines)
