"""Verilog of a chip for standard cells, before it is mapped, and of the SRAMs that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hw.asic.chips import AsicChip
from hw.asic.sram_memory import sram_ports
from hw.asic.srams import Assembly
from hw.flow.yosys import yosys

__all__ = ["chip_verilog", "instances", "ports", "sram_header"]

PASSES = ("proc", "setattr -unset init w:*", "clean", "write_verilog -noattr")

PORT = re.compile(r"^wire (?:width (\d+) )?(input|output) \d+ +\\(\S+)$", re.MULTILINE)
CELL = re.compile(r"^cell \\(\S+) \\(\S+)$", re.MULTILINE)


def chip_verilog(chip: AsicChip, log: Path) -> str:
    """Return the chip before it is mapped; macros and SRAMs are modules outside it.

    ``log`` is Yosys's: it stays only where something fails.
    """
    text = yosys("read_rtlil", chip.rtlil, PASSES, log, top=chip.top)
    # Yosys stamps its build into the first line: the file depends on the design alone.
    return re.sub(r"\A/\*.*?\*/\n+", "", text)


def sram_header(made: Assembly) -> str:
    """Return Verilog of the ports of an SRAM, as a box that a synthesiser leaves alone."""
    ports = sram_ports(made)
    lines = [
        f"    {way} {f'[{bits - 1}:0] ' if bits > 1 else ''}{name}"
        for name, (way, bits) in ports.items()
    ]
    head = f"(* blackbox *)\nmodule {made.sram.name}(\n"
    return head + ",\n".join(lines) + "\n);\nendmodule\n"


def ports(design: str, top: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, way (input or output) and bits of each port of a design, RTLIL."""
    for bits, way, name in PORT.findall(modules(design)[top]):
        yield name, way, int(bits or 1)


def instances(design: str, kinds: set[str], top: str) -> dict[str, str]:
    """Return the path of each instance of some modules in a design, RTLIL, and its module."""
    cells = {module: CELL.findall(body) for module, body in modules(design).items()}

    def walk(module: str, path: str) -> Iterator[tuple[str, str]]:
        for kind, name in cells.get(module, ()):
            if kind in kinds:
                yield path + name, kind
            yield from walk(kind, f"{path}{name}.")

    return dict(walk(top, ""))


def modules(design: str) -> dict[str, str]:
    """Return the text of each module of a design, RTLIL."""
    parts = re.split(r"^module \\(\S+)$", design, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
