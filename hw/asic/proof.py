"""Proofs that the cells of a block do what the block does: from a reset on, and by induction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from hw.asic.cells import CELLS, plain
from hw.asic.liberty import liberty_text
from hw.flow.names import rename
from hw.flow.yosys import yosys

__all__ = ["block_design", "prove_equal"]

BLOCK, CELLED = "block", "celled"
NETLIST = "netlist.json"

RESET = {"rst": 1}
"""Inputs of a block while it is reset."""

GATES = ("alumacc", "opt", "maccmap", "techmap")
"""Passes that make gates of a block's sums and products, as mapping does."""

MERGE = ("opt_merge", "abc -g AND,XOR -script +strash;&get,-n;&fraig,-x;&put;map")
"""Passes that make one of registers with the same data, and of nets that are proven equal."""


def block_design(block: wiring.Component, platform: object) -> str:
    """Return a block on a platform before synthesis, RTLIL with the top module ``block``."""
    return rename(rtlil.convert(block, name=BLOCK, platform=platform, emit_src=False))


def prove_equal(
    design: str,
    netlist: Mapping[str, Any],
    liberty: Path,
    log: Path,
    *,
    clocks: int = 8,
    begin: Mapping[str, int] = RESET,
    merge: bool = False,
) -> None:
    """Prove that a netlist gives what its block gives, after a reset, whatever goes in.

    Base case: both begin in any state, each in its own. Once some inputs were held for some
    clocks, they are equal for as many clocks. Step: if they are equal for that many clocks or
    fewer, in any state, they are equal in the next.

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
    clocks : int
        That number of clocks: at least the block's registers from input to output.
    begin : dict of str to int
        The inputs that are held, and their values.
    merge : bool
        Whether the proof goes from register to register: for multipliers, which are too much for
        one. Registers with equal data are equal a clock later, so they become one. Sums and
        products of the block are Yosys's gates then, like those of the netlist before its mapping.

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
        *(f"{name} {BLOCK}" for name in GATES if merge),
        f"miter -equiv -flatten {BLOCK} {CELLED} miter",
        "hierarchy -top miter",
        *(("simplemap", "opt -full", *MERGE * clocks, "opt -full") if merge else ()),
        base(begin, clocks),
        f"sat -verify -tempinduct-inductonly -maxsteps {clocks} -prove trigger 0 miter",
        "write_json",
    )
    files = {CELLS: liberty_text(liberty), NETLIST: text}
    yosys("read_rtlil", design, passes, log, top="miter", files=files)


def base(begin: Mapping[str, int], clocks: int) -> str:
    """Return the pass that proves the base case."""
    held = " ".join(
        f"-set-at {clock + 1} in_{name} {value}"
        for clock in range(clocks)
        for name, value in begin.items()
    )
    return f"sat -verify -seq {2 * clocks} {held} -prove-skip {clocks} -prove trigger 0 miter"
