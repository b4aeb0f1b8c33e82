"""Mapping: Yosys turns the chip into cells of a library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hw.asic.chips import AsicChip
from hw.asic.clock_gates import gate_pass
from hw.asic.liberty import Library, liberty_text
from hw.asic.library import CellLibrary, Target, load_liberty
from hw.flow.names import module_name
from hw.flow.yosys import yosys

__all__ = ["gates", "mapped"]

CELLS = "cells.lib"
MODELS = "macros.v"
CONSTRAINTS = "abc.constr"
FILES = f"read_verilog -lib {MODELS}"

FORGET = ("setattr -unset init w:*", "setattr -unset keep w:*")
"""No initial values, and no copies of registers: a placer for an ASIC makes its own."""

BLOCKS = (
    *("array.window", "array.perceive0_rom", "array.mix0_0_rom", "array.totals"),
    *("array.residual0", "array", "sequencer", "lattice_port", "gate_port", "checker"),
    *("context0", "context1"),
    # Of a hardwired chip:
    *("rule.update", "rule.window", "rule.states", "rule", "lattice", "images", "restored"),
    *("encode", "readout", "passes", *(f"rule.perceive{channel}" for channel in range(16))),
)
"""Blocks whose area is reported; each is mapped apart."""

FAST = ("sequencer", "lattice_port")
"""Blocks of long counters or adders, which ABC's usual script makes slow: it saves area first."""

SPEED = "fast.abc"
SCRIPT = """\
strash
if -g -K 6
strash
dch -f
map -B 0.9 -D {period}
topo
buffer -c
upsize -D {period}
dnsize -D {period}
"""
"""ABC's script for such a block."""


def mapped(design: str, wanted: Target, log: Path, *, top: str, models: str = "") -> dict[str, Any]:
    """Return the netlist of a design in cells of a library, as Yosys's JSON.

    Parameters
    ----------
    design : str
        The design before synthesis, RTLIL.
    wanted : Target
        The library, its liberty file, the period that mapping aims at, and whether clocks have
        gates.
    log : Path
        File for Yosys's log: it stays only where something fails.
    top : str
        Its top module.
    models : str
        Verilog of the macros that it has.
    """
    library, liberty = wanted.library, wanted.liberty
    if liberty is None:
        raise ValueError("Liberty file must be there")
    found = load_liberty(liberty, library, wanted.corner)
    avoid = " ".join(f"-dont_use {name}" for name in excluded(library, found))
    period = round(wanted.period * 1000)
    abc = f"abc -liberty {CELLS} -constr {CONSTRAINTS} -D {period} {avoid}"
    passes = (
        FILES,
        *FORGET,
        *(f"setattr -mod -set keep_hierarchy 1 {name}" for name in modules(design, top, BLOCKS)),
        f"synth -top {top} -flatten -run begin:check",
        *([gate_pass(library.gate, found)] if wanted.gates else []),
        f"dfflibmap -liberty {CELLS} {avoid}",
        "opt -fast",
        *(f"{abc} -script {SPEED} {name}" for name in modules(design, top, FAST)),
        abc,
        f"hilomap -hicell {library.high} -locell {library.low}",
        "setattr -mod -unset keep_hierarchy *",
        "flatten -noscopeinfo",
        "clean -purge",
        f"read_liberty -lib -ignore_miss_func -overwrite {CELLS}",
        f"select {top}",
        "write_json -selected",
    )
    files = {
        CELLS: liberty_text(liberty),
        MODELS: models,
        SPEED: SCRIPT.format(period=period),
        CONSTRAINTS: f"set_driving_cell {library.driver}\nset_load 6\n",
    }
    return json.loads(yosys("read_rtlil", design, passes, log, top=top, files=files))


def gates(chip: AsicChip, log: Path) -> dict[str, Any]:
    """Return the netlist of a chip in generic gates, where there is no library."""
    passes = (
        FILES,
        *FORGET,
        f"synth -top {chip.top} -flatten -noabc -run begin:check",
        "abc -g AND,NAND,OR,NOR,XOR,XNOR,MUX,AOI3,OAI3",
        "clean -purge",
        "write_json",
    )
    files = {MODELS: chip.models}
    return json.loads(yosys("read_rtlil", chip.rtlil, passes, log, top=chip.top, files=files))


def excluded(library: CellLibrary, found: Library) -> list[str]:
    """Return the names of the cells that are not to be used."""
    return [
        name
        for name in found.found
        if any(fnmatchcase(name, pattern) for pattern in library.excluded)
    ]


def modules(design: str, top: str, blocks: Iterable[str]) -> Iterator[str]:
    """Yield the modules of the blocks that a design has."""
    for block in blocks:
        module = module_name(top, block)
        if f"module \\{module}\n" in design:
            yield module
