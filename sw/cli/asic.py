"""The verb asic: the chip in cells of an open library, with its area and its longest path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "ClockGates",
    "Corner",
    "DesignName",
    "LibertyPath",
    "LibraryName",
    "Subjects",
    "asic",
    "asic_folder",
]

Subjects = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME_OR_DIR...", help="skeletons of the chip; default: digits"),
]
LibraryName = Annotated[str, typer.Option(help="sg13g2 or sky130")]
Corner = Annotated[str, typer.Option(help="typ or slow")]
DesignName = Annotated[str, typer.Option(help="f1, small, hardwired or tiny")]
ClockGates = Annotated[
    bool, typer.Option("--clock-gates", help="gate the clock of flip-flops that share an enable")
]
LibertyPath = Annotated[
    Path | None,
    typer.Option(help="liberty file, or a folder of them; default: as $PDK_ROOT has it"),
]


def asic(
    subjects: Subjects = None,
    library: LibraryName = "sg13g2",
    corner: Corner = "typ",
    design: DesignName = "f1",
    liberty: LibertyPath = None,
    skeleton_memory: Annotated[
        str, typer.Option(help="what holds the skeletons: logic or macro")
    ] = "logic",
    clock_gates: ClockGates = False,
    output: Annotated[
        Path | None,
        typer.Option(help="folder; default: build/asic/DESIGN-LIBRARY-CORNER, or that and -gated"),
    ] = None,
    librelane: Annotated[
        Path | None,
        typer.Option(help="folder for Verilog and config.json, which LibreLane makes a layout of"),
    ] = None,
    tiny_tapeout: Annotated[
        Path | None,
        typer.Option(help="folder for a project of Tiny Tapeout; with --design tiny"),
    ] = None,
) -> None:
    """Map a chip to standard cells, and report area, longest path and digits a second.

    Without a PDK the chip is mapped to generic gates, which are counted. All times are without
    wires: a placed chip is slower.

    \b
    thalweg asic --library sg13g2
    thalweg asic --library sky130 --liberty pdk/sky130_fd_sc_hd__tt_025C_1v80.lib
    thalweg asic --design small --skeleton-memory macro
    thalweg asic --design small --librelane build/librelane
    thalweg asic --design tiny --tiny-tapeout build/tiny-tapeout
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.errors import InputError
    from hw.asic.build import build
    from hw.asic.library import find_library, target
    from hw.asic.librelane import CONFIG, require_srams, write_librelane
    from hw.asic.tiny_project import INFO, require_tiny, write_project
    from sim.devices.asic import chip_of
    from sim.tiny_tapeout import conversation
    from sw.runs.writable import require_writable

    wanted = target(find_library(library), corner, liberty, gates=clock_gates)
    if wanted.liberty is None and clock_gates:
        raise InputError("Clock gates need $PDK_ROOT or --liberty: they are cells of a library")
    if wanted.liberty is None and (librelane or tiny_tapeout):
        raise InputError("A layout needs $PDK_ROOT or --liberty: area and period are measured")
    chip = chip_of(design, subjects or (), memory=skeleton_memory)
    folder = output or asic_folder(design, library, corner, gated=clock_gates)
    require_writable(folder / "report.json")
    if librelane is not None:
        require_writable(librelane / CONFIG)
        require_srams(chip, wanted.library)
    if tiny_tapeout is not None:
        require_tiny(chip, wanted.library)
        require_writable(tiny_tapeout / INFO)
    found = build(chip, wanted, folder, say=typer.echo)
    for line in lines(found):
        typer.echo(line)
    typer.echo(f"wrote {folder / 'report.json'}")
    if librelane is not None:
        typer.echo(f"wrote {write_librelane(chip, wanted.library, found, librelane)}")
    if tiny_tapeout is not None:
        said = conversation(chip)
        typer.echo(f"wrote {write_project(chip, wanted.library, found, said, tiny_tapeout)}")


def asic_folder(design: str, library: str, corner: str, *, gated: bool) -> Path:
    """Return the folder that a design is mapped in, with clock gates or without."""
    return Path("build/asic") / f"{design}-{library}-{corner}{'-gated' * gated}"


def lines(found: dict[str, Any]) -> list[str]:
    """Return what a report says, for people."""
    if found["library"] is None:
        return [
            f"no PDK: {found['cells']:,} generic gates and flip-flops, {len(found['memories'])} "
            "memories; area and period need $PDK_ROOT or --liberty"
        ]
    path, wrong, gates = found["longest_path"], found["violations"], found["clock_gates"]
    other = found["opensta"]
    gated = f"{gates['gates']:,} clock gates, {gates['flops']:,} flip-flops behind them"
    return [
        f"{found['area_mm2']} mm2 without memories, {found['cells']:,} cells, "
        f"{found['flops']:,} of them flip-flops; {len(found['memories'])} memories",
        f"{path['ns']} ns without wires, {len(path['cells'])} cells to {path['end']}",
        *([f"{other['ns']} ns by OpenSTA {other['version']}, to {other['end']}"] if other else []),
        f"{found['digits_per_second']:,} ungated digits a second at {found['period_ns']} ns",
        f"{wrong['fanout']:,} outputs over the library's fan-out, {wrong['capacitance']:,} over "
        "its capacitance",
        *([gated] if gates["gates"] else []),
    ]
