"""Proofs that the cells of a block do what the block does, by induction over its clocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from hw.asic.cells import CELLS, plain
from hw.asic.liberty import liberty_text
from hw.asic.platform import Asic
from hw.flow.names import rename
from hw.flow.yosys import yosys

__all__ = ["block_design", "prove_equal"]

BLOCK, CELLED = "block", "celled"
NETLIST = "netlist.json"

CLOCKS = 8
"""Most clocks that a proof looks at."""


def block_design(block: wiring.Component) -> str:
    """Return a block on silicon before synthesis, RTLIL with the top module ``block``."""
    return rename(rtlil.convert(block, name=BLOCK, platform=Asic(), emit_src=False))


def prove_equal(design: str, netlist: Mapping[str, Any], liberty: Path, log: Path) -> None:
    """Prove that a netlist gives what its block gives, if it has given the same for some clocks.

    Nothing is known of the registers, and whatever may go in. Of a pipeline shorter than these
    clocks, and of a sum that is seen outside, nothing else is left.

    Parameters
    ----------
    design : str
        The block, as `block_design` returns it.
    netlist : dict
        The same in cells, as `hw.asic.mapping.mapped` returns it.
    liberty : Path
        The liberty file of its cells.
    log : Path
        File for Yosys's log: it stays only where something fails.

    Raises
    ------
    ToolError
        They differ, or it cannot be proven.
    """
    text = json.dumps({"modules": {CELLED: plain(netlist["modules"][BLOCK])}})
    passes = (
        "setattr -unset init w:*",
        f"read_liberty -overwrite -ignore_miss_func {CELLS}",
        f"read_json {NETLIST}",
        "proc",
        f"flatten {BLOCK} {CELLED}",
        "memory -nordff",
        "async2sync",
        "opt_clean",
        f"miter -equiv -flatten {BLOCK} {CELLED} miter",
        "hierarchy -top miter",
        f"sat -verify -tempinduct-inductonly -maxsteps {CLOCKS} -prove trigger 0 miter",
        "write_json",
    )
    files = {CELLS: liberty_text(liberty), NETLIST: text}
    yosys("read_rtlil", design, passes, log, top="miter", files=files)
