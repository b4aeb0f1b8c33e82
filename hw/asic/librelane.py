"""What LibreLane takes a chip from: its Verilog, a configuration, and where pins and SRAMs lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import replacement, write_json
from hw.asic.chips import AsicChip
from hw.asic.floorplan import Floorplan, floorplan
from hw.asic.library import CellLibrary
from hw.asic.srams import SRAMS, Assembly, SramLibrary, assemble
from hw.asic.verilog import chip_verilog, instances, ports, sram_header

__all__ = [
    "CONFIG",
    "GRID",
    "LINT",
    "SUPPLY",
    "macros",
    "period",
    "require_srams",
    "write_librelane",
]

CONFIG = "config.json"
PINS = "pins.cfg"
SUPPLY = "pdn.tcl"

WIRES = 1.25
"""How much longer the period is than the cells and SRAMs of a path, for wires and the clock."""

DENSITY = 60
"""Percent of a place that LibreLane may fill with cells: above `floorplan.UTILISATION`."""

LINT = [
    *("CASEOVERLAP", "DECLFILENAME", "EOFNEWLINE"),
    *("UNUSEDSIGNAL", "WIDTHEXPAND", "WIDTHTRUNC"),
]
"""Warnings that say nothing of Verilog which Amaranth and Yosys wrote."""

GRID = """\
# The supply of the SRAMs: their pins are upright on Metal4, so Metal5 lies across them and leads
# up to the die's own grid.
source $::env(SCRIPTS_DIR)/openroad/common/pdn_cfg.tcl
add_pdn_stripe -grid macro -layer Metal5 -width 2.2 -pitch 22.0 -offset 6.0 -starts_with POWER
add_pdn_connect -grid macro -layers "Metal4 Metal5"
add_pdn_connect -grid macro -layers "Metal5 $::env(PDN_VERTICAL_LAYER)"
"""


def require_srams(chip: AsicChip, library: CellLibrary) -> dict[str, Assembly]:
    """Return what each macro of a chip is made of; raise where the PDK has nothing for it."""
    if library.name not in SRAMS:
        raise InputError(f"LibreLane's library must be one of {', '.join(SRAMS)}")
    return {macro.name: assemble(macro, SRAMS[library.name]) for macro in chip.macros}


def write_librelane(
    chip: AsicChip, library: CellLibrary, report: Mapping[str, Any], folder: Path
) -> Path:
    """Write all that LibreLane needs to make a layout of a chip; return the configuration.

    Parameters
    ----------
    chip : AsicChip
        The chip, as it was mapped.
    library : CellLibrary
        Its cells, which say the PDK.
    report : dict
        What `hw.asic.build.build` reported: area of the cells and longest path.
    folder : Path
        Where the files go. `config.json` is written last.
    """
    made = require_srams(chip, library)
    assemblies = {one.sram.name: one for one in made.values()}
    srams = SRAMS[library.name]
    chip = replace(chip, srams=srams)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)  # of another chip, if this fails
    files = {f"{chip.top}.v": chip_verilog(chip, folder / f"{chip.top}.yosys.log")}
    files |= {f"{name}.v": sram_header(one) for name, one in assemblies.items()}
    files[PINS] = pins(chip)
    if srams.pdk == "ihp-sg13g2":
        files[SUPPLY] = GRID
    for name, text in files.items():
        with replacement(folder / name) as temporary:
            temporary.write_text(text, encoding="ascii")
    blocks = instances(chip.rtlil, set(assemblies), chip.top)
    plan = floorplan(
        report["area_mm2"] * 1e6, {path: assemblies[kind].sram for path, kind in blocks.items()}
    )
    found = config(chip, srams, assemblies, blocks, plan)
    found["CLOCK_PERIOD"] = period(report, assemblies)
    if SUPPLY in files:
        found["PDN_CFG"] = f"dir::{SUPPLY}"
    write_json(folder / CONFIG, found, indent=1)
    return folder / CONFIG


def config(
    chip: AsicChip,
    srams: SramLibrary,
    assemblies: Mapping[str, Assembly],
    blocks: Mapping[str, str],
    plan: Floorplan,
) -> dict[str, Any]:
    """Return LibreLane's variables, apart from those that are measured."""
    return {
        "meta": {"version": 2, "flow": "Classic"},
        "DESIGN_NAME": chip.top,
        "VERILOG_FILES": [f"dir::{chip.top}.v"],
        "LINTER_DISABLE_WARNINGS": LINT,
        "CLOCK_PORT": "clk",
        "FP_SIZING": "absolute",
        "DIE_AREA": [0, 0, *plan.die],
        "PL_TARGET_DENSITY_PCT": DENSITY,
        "IO_PIN_ORDER_CFG": f"dir::{PINS}",
        "ERRORS_ON_UNMATCHED_IO": "both",
        **macros(srams, assemblies, blocks, plan.places),
    }


def macros(
    srams: SramLibrary,
    assemblies: Mapping[str, Assembly],
    blocks: Mapping[str, str],
    places: Mapping[str, tuple[int, int]],
) -> dict[str, Any]:
    """Return the variables that say where the SRAMs are, and how they get their supply."""
    return {
        "MACROS": {
            kind: views(srams, kind)
            | {
                "instances": {
                    path: {"location": places[path], "orientation": srams.orientation}
                    for path, block in blocks.items()
                    if block == kind
                }
            }
            for kind in assemblies
        },
        "PDN_MACRO_CONNECTIONS": [
            f".* VPWR VGND {power} {ground}" for power, ground in srams.supplies
        ],
    }


def views(srams: SramLibrary, kind: str) -> dict[str, Any]:
    """Return the files of an SRAM: the PDK's, and the Verilog of its ports, which is ours."""
    at = f"pdk_dir::{srams.folder}"
    return {
        "gds": [f"{at}/gds/{kind}.gds"],
        "lef": [f"{at}/lef/{kind}.lef"],
        "vh": [f"dir::{kind}.v"],
        "lib": {
            corner: [f"{at}/lib/{kind}{ending}.lib"] for corner, ending in srams.corners.items()
        },
    }


def period(report: Mapping[str, Any], assemblies: Mapping[str, Assembly]) -> float:
    """Return the period in ns that is asked for.

    The cells' longest path may begin at an SRAM: the slowest one's delay is added, or half of the
    period is, where its data come with the other edge of the clock. `WIRES` is room for wires.
    """
    corner = report["corner"]["name"]
    path = report["longest_path"]["ns"]
    access = [one.sram.access for one in assemblies.values()]
    if not all(access):
        return math.ceil(20 * path * WIRES) / 10
    slowest = max((times[corner] for times in access), default=0.0)
    return math.ceil(10 * (path + slowest) * WIRES) / 10


def pins(chip: AsicChip) -> str:
    """Return which side each port is on: clock and reset above, inputs left, outputs right."""
    sides: dict[str, list[str]] = {"N": ["clk", "rst"], "W": [], "E": []}
    for name, way, bits in ports(chip.rtlil, chip.top):
        if name not in sides["N"]:
            sides["W" if way == "input" else "E"].append(
                f"{name}\\[[0-9]+\\]" if bits > 1 else name
            )
    return "\n".join(
        "\n".join([f"#{side}", *(name for name in names), ""]) for side, names in sides.items()
    )
