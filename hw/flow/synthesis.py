"""Synthesis of a board's top: Yosys maps it to the cells of the part, unless that is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from amaranth.build import Platform

from golden.files import read_json, replacement
from hw.boards.top import BoardTop
from hw.flow.floorplan import SOURCE, fix_multipliers
from hw.flow.kept import digest, read_kept, write_kept
from hw.flow.tools import release
from hw.flow.yosys import yosys

if TYPE_CHECKING:
    from hw.boards.catalogue import BoardSpec

__all__ = ["KEEP_COPIES", "NAME", "SYNTHESIS", "WITHOUT_FIELDS", "synthesise"]

NAME = "thalweg"
"""Name of the top module, and of its files up to their endings."""

SYNTHESIS = f"synth_ecp5 -top {NAME}"

KEEP_COPIES = "setattr -set keep 1 w:*_copy* %ci1:+[Q] t:$dff* %i"
"""Stops Yosys from merging the equal registers that `hw.primitives.copies` makes."""

WITHOUT_FIELDS = r"delete w:*\[*\]"
"""Removes the second names of bits: wires such as ``head[0]``, which Amaranth adds for fields.

ABC9 may take such a name for a bit of another wire; see docs/notes/netlist-notes.md.
"""


def synthesise(
    board: BoardSpec,
    platform: Platform,
    top: BoardTop,
    folder: Path,
    *,
    say: Callable[[str], None] = print,
) -> Path:
    """Map a board's top to the part's cells; return the netlist, the file that nextpnr places.

    Multipliers have their places in it, see `hw.flow.floorplan`.

    Does nothing if ``folder`` has a whole netlist of the same design. Nothing else may write to
    ``folder`` at the same time.
    """
    plan = platform.prepare(top, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    design, netlist = text_of(plan.files[f"{NAME}.il"]), folder / f"{NAME}.json"
    passes = (WITHOUT_FIELDS, KEEP_COPIES, SYNTHESIS, "write_json")
    stamp = digest(repr((design, passes, release("pyosys"))).encode() + SOURCE.read_bytes())
    record = folder / "synthesised.json"
    if read_kept(record, netlist, stamp) is None:
        say(f"{board.name}: synthesising, F = {top.board.geometry.filters}")
        record.unlink(missing_ok=True)
        netlist.unlink(missing_ok=True)
        with replacement(netlist) as temporary:
            log = folder / "synthesis.log"
            found = json.loads(yosys("read_rtlil", design, passes, log, top=NAME))
            fix_multipliers(found, board.part)
            temporary.write_text(json.dumps(found), encoding="ascii")
        write_kept(record, netlist, stamp)
    pins = text_of(plan.files[f"{NAME}.lpf"])
    if board.aim is not None:
        pins = f'FREQUENCY NET "{chip_clock(netlist)}" {board.aim} MHZ;\n{pins}'
    with replacement(folder / f"{NAME}.lpf") as temporary:
        temporary.write_text(pins, encoding="utf-8")
    return netlist


def chip_clock(netlist: Path) -> str:
    """Return nextpnr's name for the chip's clock, the PLL's first output.

    Of several names of a net it takes the one with fewest dollar signs, then with fewest dots.
    """
    module = read_json(netlist)["modules"][NAME]
    bits = module["cells"]["pll"]["connections"]["CLKOP"]
    names = [name for name, net in module["netnames"].items() if net["bits"] == bits]
    return min(names, key=lambda name: (name.count("$"), name.count("."), name))


def text_of(content: str | bytes) -> str:
    """Return a file of an Amaranth build plan as text."""
    return content if isinstance(content, str) else content.decode()
