"""A project for Tiny Tapeout on IHP tiles: sources, info.yaml, datasheet, test, configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden.errors import InputError
from hw.asic.chips import AsicChip, TinyAsic
from hw.asic.library import CellLibrary
from hw.asic.librelane import GRID, LINT, SUPPLY, SramChip, macros, period, use_srams, write_files
from hw.asic.tiles import place, require_fit
from hw.asic.tiny_tapeout import BIDIRECTIONAL
from hw.clocks import RESET_CLOCKS

__all__ = ["INFO", "require_tiny", "write_project"]

INFO = "info.yaml"
TEMPLATES = Path(__file__).with_name("tiny")

FASTEST = 20.0
"""Shortest period in ns that is asked for: what Tiny Tapeout's projects usually have."""

DEFAULTS = {
    "PL_TARGET_DENSITY_PCT": 60,
    "PL_RESIZER_HOLD_SLACK_MARGIN": 0.1,
    "GRT_RESIZER_HOLD_SLACK_MARGIN": 0.05,
    "RUN_LINTER": 1,
    "LINTER_INCLUDE_PDK_MODELS": 1,
    "CLOCK_PORT": "clk",
    "RUN_KLAYOUT_XOR": 0,
    "RUN_KLAYOUT_DRC": 0,
    "DESIGN_REPAIR_BUFFER_OUTPUT_PORTS": 0,
    "TOP_MARGIN_MULT": 1,
    "BOTTOM_MARGIN_MULT": 1,
    "LEFT_MARGIN_MULT": 6,
    "RIGHT_MARGIN_MULT": 6,
    "FP_SIZING": "absolute",
    "GRT_ALLOW_CONGESTION": 1,
    "FP_IO_HLENGTH": 2,
    "FP_IO_VLENGTH": 2,
    "FP_PDN_VPITCH": 38.87,
    "RUN_CTS": 1,
    "FP_PDN_MULTILAYER": 0,
    "MAGIC_DEF_LABELS": 0,
    "MAGIC_WRITE_LEF_PINONLY": 1,
}
"""What Tiny Tapeout wants of every project's `src/config.json`."""


def require_tiny(chip: AsicChip, library: CellLibrary) -> None:
    """Raise unless a chip is one for Tiny Tapeout, in IHP's cells."""
    if not isinstance(chip, TinyAsic) or library.name != "sg13g2":
        raise InputError("--tiny-tapeout must be given with --design tiny --library sg13g2")


def write_project(
    chip: AsicChip,
    library: CellLibrary,
    report: Mapping[str, Any],
    vectors: Mapping[str, Any],
    folder: Path,
) -> Path:
    """Write a project as Tiny Tapeout's template has it; return its `info.yaml`.

    Parameters
    ----------
    chip, library
        The chip, and the cells that it was mapped to.
    report : dict
        What `hw.asic.build.build` reported.
    vectors : dict
        What `test/test.py` says and is to hear, as JSON values.
    folder : Path
        Where the files go. `info.yaml` is written last.
    """
    require_tiny(chip, library)
    design = use_srams(chip, library)
    tiles = require_fit(report["area_mm2"] * 1e6, design.srams)
    ns = max(period(report, design), FASTEST)
    config = {
        **DEFAULTS,
        "CLOCK_PERIOD": ns,
        "LINTER_DISABLE_WARNINGS": LINT,
        "PDN_CFG": f"dir::{SUPPLY}",
        **macros(design, place(tiles, design.srams)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    source = f"{chip.top}.v"
    sources = design.verilog(folder) | {"config.json": as_json(config), SUPPLY: GRID}
    files = {f"src/{name}": text for name, text in sources.items()}
    files |= {f"test/{name}": text for name, text in tests(design, vectors).items()}
    files |= {"docs/info.md": datasheet(chip, ns), INFO: info(chip, tiles, ns, [source])}
    write_files(folder, files)
    return folder / INFO


def tests(design: SramChip, vectors: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the project's test."""
    names = ("Makefile", "requirements.txt", "tb.v", "test.py")
    files = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in names}
    files["Makefile"] = files["Makefile"].replace("@SRAMS@", " ".join(design.assemblies))
    return files | {"vectors.json": as_json(vectors)}


def as_json(value: Any) -> str:
    """Return a value as JSON, for people too."""
    return json.dumps(value, indent=1) + "\n"


def datasheet(chip: AsicChip, ns: float) -> str:
    """Return what the project's datasheet says."""
    spec = chip.geometry.spec
    words = {
        "IMAGE": spec.image,
        "SIDE": spec.height,
        "CHANNELS": spec.channels,
        "FILTERS": spec.filters,
        "STEPS": spec.steps,
        "RESET": RESET_CLOCKS,
        "MHZ": math.floor(1000 / ns),
    }
    text = (TEMPLATES / "info.md").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def info(chip: AsicChip, tiles: str, ns: float, sources: list[str]) -> str:
    """Return the project's facts, YAML as Tiny Tapeout reads it."""
    spec = chip.geometry.spec
    what = f"A neural cellular automaton on {spec.height} x {spec.width} cells restores images"
    values = {
        "title": "Thalweg",
        "author": "The Thalweg authors",
        "discord": "",
        "description": what,
        "language": "Amaranth",
        "clock_hz": math.floor(1000 / ns) * 1_000_000,
        "tiles": tiles,
        "top_module": chip.top,
        "source_files": sources,
    }
    pins = {f"ui[{bit}]": f"byte to the chip, bit {bit}" for bit in range(8)}
    pins |= {f"uo[{bit}]": f"byte from the chip, bit {bit}" for bit in range(8)}
    pins |= {f"uio[{place}]": name for place, (name, _, _) in enumerate(BIDIRECTIONAL)}
    lines = ["project:", *(f"  {name}: {json.dumps(value)}" for name, value in values.items())]
    lines += ["pinout:", *(f"  {name}: {json.dumps(value)}" for name, value in pins.items())]
    return "\n".join([*lines, "yaml_version: 6", ""])
