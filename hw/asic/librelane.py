"""What LibreLane takes a chip from: its Verilog, a configuration, and where pins and SRAMs lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import replacement, write_json
from hw.asic.chips import AsicChip
from hw.asic.floorplan import Floorplan, floorplan
from hw.asic.library import CellLibrary
from hw.asic.srams import SRAMS, Assembly, Sram, SramLibrary, assemble
from hw.asic.verilog import chip_verilog, instances, ports, sram_header

__all__ = [
    "CONFIG",
    "GRID",
    "LINT",
    "SUPPLY",
    "SramChip",
    "macros",
    "period",
    "require_srams",
    "use_srams",
    "write_files",
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


@dataclass(frozen=True)
class SramChip:
    """A chip whose memories are SRAMs, before they have places.

    `assemblies` has how the memories are made, by the SRAM's name; `blocks` has the SRAM's name of
    each instance.
    """

    chip: AsicChip
    library: SramLibrary
    assemblies: dict[str, Assembly]
    blocks: dict[str, str]

    @property
    def srams(self) -> dict[str, Sram]:
        """The SRAM of each instance."""
        return {path: self.assemblies[name].sram for path, name in self.blocks.items()}

    def verilog(self, folder: Path) -> dict[str, str]:
        """Return the chip's Verilog and the ports of its SRAMs, by file; a log goes to a folder."""
        top = self.chip.top
        files = {f"{top}.v": chip_verilog(self.chip, folder / f"{top}.yosys.log")}
        return files | {f"{name}.v": sram_header(made) for name, made in self.assemblies.items()}


def use_srams(chip: AsicChip, library: CellLibrary) -> SramChip:
    """Return a chip with the SRAMs that go with a library."""
    made = {one.sram.name: one for one in require_srams(chip, library).values()}
    chip = replace(chip, srams=SRAMS[library.name])
    blocks = instances(chip.rtlil, set(made), chip.top)
    return SramChip(chip, SRAMS[library.name], made, blocks)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder, in their order, each whole or not at all."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with replacement(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


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
    design = use_srams(chip, library)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)  # of another chip, if this fails
    files = design.verilog(folder) | {PINS: pins(design.chip)}
    found = config(design, floorplan(report["area_mm2"] * 1e6, design.srams))
    found["CLOCK_PERIOD"] = period(report, design)
    if design.library.pdk == "ihp-sg13g2":
        files[SUPPLY] = GRID
        found["PDN_CFG"] = f"dir::{SUPPLY}"
    write_files(folder, files)
    write_json(folder / CONFIG, found, indent=1)
    return folder / CONFIG


def config(design: SramChip, plan: Floorplan) -> dict[str, Any]:
    """Return LibreLane's variables, apart from those that are measured."""
    return {
        "meta": {"version": 2, "flow": "Classic"},
        "DESIGN_NAME": design.chip.top,
        "VERILOG_FILES": [f"dir::{design.chip.top}.v"],
        "LINTER_DISABLE_WARNINGS": LINT,
        "CLOCK_PORT": "clk",
        "FP_SIZING": "absolute",
        "DIE_AREA": [0, 0, *plan.die],
        "PL_TARGET_DENSITY_PCT": DENSITY,
        "IO_PIN_ORDER_CFG": f"dir::{PINS}",
        "ERRORS_ON_UNMATCHED_IO": "both",
        **macros(design, plan.places),
    }


def macros(design: SramChip, places: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Return the variables that say where the SRAMs are, and how they get their supply."""
    found = {name: views(design.library, name) | {"instances": {}} for name in design.assemblies}
    for path, name in design.blocks.items():
        place = {"location": places[path], "orientation": design.library.orientation}
        found[name]["instances"][path] = place
    supplies = design.library.supplies
    return {
        "MACROS": found,
        "PDN_MACRO_CONNECTIONS": [f".* VPWR VGND {power} {ground}" for power, ground in supplies],
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


def period(report: Mapping[str, Any], design: SramChip) -> float:
    """Return the period in ns that is asked for.

    The cells' longest path may begin at an SRAM: the slowest one's delay is added, or half of the
    period is, where its data come with the other edge of the clock. `WIRES` is room for wires.
    """
    corner = report["corner"]["name"]
    path = report["period_ns"]
    access = [one.sram.access for one in design.assemblies.values()]
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
