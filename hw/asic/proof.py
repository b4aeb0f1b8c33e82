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


def block_design(block: wiring.Component) -> str:
    """Return a block on silicon before synthesis, RTLIL with the top module ``block``."""
    return rename(rtlil.convert(block, name=BLOCK, platform=Asic(), emit_src=False))


def prove_equal(
    design: str, netlist: Mapping[str, Any], liberty: Path, clocks: int, log: Path
) -> None:
    """Prove that a netlist gives what its block gives, whatever goes in, after some clocks.

    Nothing is known of what the registers hold at first. Of a pipeline of so many clocks nothing
    of that is left.

    Parameters
    ----------
    design : str
        The block, as `block_design` returns it.
    netlist : dict
        The same in cells, as `hw.asic.mapping.mapped` returns it.
    liberty : Path
        The liberty file of its cells.
    clocks : int
        Clocks from its inputs to its outputs.
    log : Path
        File for Yosys's log: it stays only where something fails.

    Raises
    ------
    ToolError
        They differ, or it cannot be proven.
    """
    text = json.dumps({"modules": {CELLED: plain(netlist["modules"][BLOCK])}})
    passes = (
        f"read_liberty -overwrite -ignore_miss_func {CELLS}",
        f"read_json {NETLIST}",
        "setattr -unset init w:*",
        "proc",
        f"flatten {BLOCK} {CELLED}",
        "memory -nordff",
        "async2sync",
        "opt_clean",
        f"miter -equiv -flatten {BLOCK} {CELLED} miter",
        "hierarchy -top miter",
        f"sat -verify -tempinduct -prove trigger 0 -seq {clocks + 1} -set-init-undef miter",
        "write_json",
    )
    files = {CELLS: liberty_text(liberty), NETLIST: text}
    yosys("read_rtlil", design, passes, log, top="miter", files=files)
