"""The report of a chip in standard cells: area, memories, the longest path, and what follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hw.asic import tiles
from hw.asic.chips import AsicChip, TinyAsic
from hw.asic.clock_gates import clock_gates
from hw.asic.library import CellLibrary
from hw.asic.macros import Macro
from hw.asic.netlist import Netlist, is_macro
from hw.asic.srams import SRAMS, SramLibrary, assemble
from hw.asic.timing import Timing, violations
from hw.flow.tools import release

__all__ = ["generic_report", "report"]

TOOLS = ("pyosys", "amaranth")
MM2 = 1e-6
"""Square millimetres in a square micrometre."""


def report(
    chip: AsicChip,
    library: CellLibrary,
    corner: str,
    timing: Timing,
    other: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the report of a mapped chip as JSON values. Areas are square millimetres.

    The period is that of OpenSTA, ``other``, where it has been run.
    """
    netlist, found = timing.netlist, timing.library
    path = timing.longest()
    period = other["ns"] if other else path["ns"]
    areas: Counter[str] = Counter()
    flops: Counter[str] = Counter()
    for instance in netlist.instances:
        if not is_macro(instance.kind):
            cell = found.cell(instance.kind)
            areas[block(instance.name)] += cell.area
            flops[block(instance.name)] += cell.is_flop
    return {
        **facts(chip, netlist),
        "library": library.name,
        "corner": {"name": corner, "file": found.name, "conditions": list(found.conditions)},
        "area_mm2": round(sum(areas.values()) * MM2, 4),
        "blocks": {
            name: {"area_mm2": round(area * MM2, 4), "flops": flops[name]}
            for name, area in areas.most_common()
        },
        "flops": sum(flops.values()),
        "clock_gates": clock_gates(netlist, found),
        "memories": [memory(macro, library) for macro in chip.platform.macros],
        "longest_path": path | {"wires": "zero", "memories": "zero"},
        "opensta": other,
        "period_ns": period,
        "violations": violations(netlist, found),
        "clocks_per_digit": chip.clocks,
        "digits_per_second": round(1e9 / period / chip.clocks, 1),
        **project(chip, sum(areas.values()), library),
    }


def project(chip: AsicChip, cells: float, library: CellLibrary) -> dict[str, Any]:
    """Return the tiles of Tiny Tapeout that a chip for it needs; nothing of another one."""
    if not isinstance(chip, TinyAsic) or library.name != "sg13g2":
        return {}
    made = [assemble(macro, SRAMS[library.name]) for macro in chip.platform.macros]
    blocks = [one.sram for one in made for _ in range(one.count)]
    return {"tiny_tapeout": tiles.report(cells, dict(enumerate(blocks)))}


def generic_report(chip: AsicChip, netlist: Netlist) -> dict[str, Any]:
    """Return the report of a chip in generic gates: no library, hence no area and no period."""
    return {
        **facts(chip, netlist),
        "library": None,
        "memories": [memory(macro, None) for macro in chip.platform.macros],
        "clocks_per_digit": chip.clocks,
    }


def facts(chip: AsicChip, netlist: Netlist) -> dict[str, Any]:
    """Return what is known of a chip whatever it is mapped to."""
    kinds = {kind: count for kind, count in netlist.kinds.items() if not is_macro(kind)}
    return {
        "design": chip.design,
        "spec": chip.geometry.spec.to_json(),
        **chip.facts,
        "skeleton_memory": chip.memory,
        "skeletons": [{"name": s.name, "digest": s.digest} for s in chip.skeletons],
        "cells": sum(kinds.values()),
        "kinds": dict(sorted(kinds.items())),
        "tools": {name: release(name) for name in TOOLS},
    }


def block(name: str) -> str:
    """Return the block of a cell; of the array or the hardwired rule, its part."""
    path = [part for part in name.split(".")[:-1] if not part.startswith("$")]
    found = ".".join(path[: 2 if path[:1] in (["array"], ["rule"]) else 1]) or "chip"
    return found.rstrip("_")  # which a word of Verilog's ends with


def memory(macro: Macro, library: CellLibrary | None) -> dict[str, Any]:
    """Return what a memory is, the PDK's SRAMs that take it, and those that two ports would."""
    entry: dict[str, Any] = {
        "macro": macro.name,
        "rows": macro.rows,
        "bits": macro.bits,
        "ports": ports_of(macro),
    }
    blocks = SRAMS.get(library.name) if library else None
    if blocks is None or not macro.granularity:
        return entry | {"sram": None, "sram_of_two_ports": None}
    two = replace(macro, single=False)
    return entry | {"sram": sram(macro, blocks), "sram_of_two_ports": sram(two, blocks)}


def ports_of(macro: Macro) -> str:
    """Return the ports of a memory, for people."""
    if macro.single:
        return "one to read or write"
    return "one to write, one to read" if macro.granularity else "one to read"


def sram(macro: Macro, library: SramLibrary) -> dict[str, Any]:
    """Return a PDK's SRAM that takes a memory with the least area, how many, and all their area."""
    made = assemble(macro, library)
    return {
        "name": made.sram.name,
        "count": made.count,
        "area_mm2": round(made.count * made.sram.area * MM2, 4),
        "access_ns": made.sram.access,
    }
