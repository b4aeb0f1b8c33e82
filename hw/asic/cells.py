"""A mapped netlist as Verilog: every cell does what the liberty file says of its function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.asic.chips import NAME
from hw.asic.liberty import liberty_text
from hw.asic.netlist import is_macro
from hw.flow.yosys import yosys

__all__ = ["cell_verilog"]

CELLS = "cells.lib"


def cell_verilog(netlist: Mapping[str, Any], liberty: Path, log: Path, *, top: str = NAME) -> str:
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
    """
    passes = (
        f"read_liberty -overwrite -ignore_miss_func {CELLS}",
        f"hierarchy -top {top}",
        "flatten",
        f"hierarchy -top {top}",
        "write_verilog -noattr",
    )
    text = json.dumps({"modules": {top: plain(netlist["modules"][top])}})
    return yosys("read_json", text, passes, log, top=top, files={CELLS: liberty_text(liberty)})


def plain(module: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module with short names, all else as it is: long ones are most of what is compiled.

    Macros come first, so that their names stay the same.
    """
    cells = sorted(module["cells"].values(), key=lambda cell: not is_macro(cell["type"]))
    names = {f"c{place}": cell | {"attributes": {}} for place, cell in enumerate(cells)}
    return {**module, "attributes": {}, "cells": names, "netnames": {}}
