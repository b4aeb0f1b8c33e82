"""A mapped netlist as Verilog: every cell does what the liberty file says of its function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.asic.chips import NAME
from hw.asic.clock_gates import gate_model, gate_pins
from hw.asic.liberty import Library, liberty_text, parse
from hw.asic.netlist import is_macro
from hw.flow.yosys import yosys

__all__ = ["cell_verilog", "net_name", "net_of", "nets"]

CELLS = "cells.lib"

HIDE = "rename -hide w:c*.*"
"""Takes the names of what is within a cell or at its pins."""


def cell_verilog(
    netlist: Mapping[str, Any], liberty: Path, log: Path, *, top: str = NAME, named: bool = False
) -> str:
    """Return Verilog of a netlist, without delays; its macros are modules outside it.

    Parameters
    ----------
    netlist : dict
        What Yosys wrote, as JSON values.
    liberty : Path
        The liberty file of its cells.
    log : Path
        File for Yosys's log: it stays only where something fails.
    top : str
        Module that is written.
    named : bool
        Whether each net keeps a name, as `net_name` tells it; all others then begin with ``_``.
    """
    module = plain(netlist["modules"][top])
    passes = (
        f"read_liberty -overwrite -ignore_miss_func {CELLS}",
        f"hierarchy -top {top}",
        "flatten",
        *((HIDE, "opt_clean") if named else ()),
        f"hierarchy -top {top}",
        "write_verilog -noattr",
    )
    if named:
        module["netnames"] = {net_name(bit): {"bits": [bit]} for bit in nets(module)}
    cells = liberty_text(liberty)
    models = put_gates(module, Library(parse(cells, str(liberty))))
    text = json.dumps({"modules": {top: module}})
    return yosys("read_json", text, passes, log, top=top, files={CELLS: cells}) + models


def put_gates(module: dict[str, Any], library: Library) -> str:
    """Make clock gates instances of models of their own; return these, in Verilog.

    Liberty files have no function for them, but a table of states.
    """
    models = {}
    for cell in module["cells"].values():
        kind = cell["type"]
        if not is_macro(kind) and library.cell(kind).is_gate:
            cell["type"] = name = f"model_{kind}"
            models[name] = gate_model(name, gate_pins(library.found[kind]))
    return "".join(models.values())


def net_name(bit: int) -> str:
    """Return the name of a net in Verilog whose nets keep names."""
    return f"n{bit}"


def net_of(name: str) -> int:
    """Return the net that `net_name` has named."""
    return int(name.removeprefix("n"))


def nets(module: Mapping[str, Any]) -> set[int]:
    """Return the nets at the pins of a module's cells."""
    return {
        bit
        for cell in module["cells"].values()
        for bits in cell["connections"].values()
        for bit in bits
        if isinstance(bit, int)
    }


def plain(module: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module with short names, all else as it is: long ones are most of what is compiled.

    Macros come first, so that their names stay the same.
    """
    cells = sorted(module["cells"].values(), key=lambda cell: not is_macro(cell["type"]))
    names = {f"c{place}": cell | {"attributes": {}} for place, cell in enumerate(cells)}
    return {**module, "attributes": {}, "cells": names, "netnames": {}}
