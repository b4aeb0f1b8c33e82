"""Tables of docs/asic.md from the reports of chips in standard cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from golden.files import ROOT, read_json
from sw.report.docs import table

__all__ = ["asic_parts", "read_reports"]

REPORTS = ROOT / "docs" / "asic"
"""What `thalweg asic` wrote of each design, library and corner."""

SYNTHESIS = REPORTS / "librelane" / "synthesis.json"
"""What LibreLane's steps up to synthesis measured of the chips in IHP's cells: `metrics.json`."""

ENERGY = REPORTS / "energy"
"""What `thalweg asic-sim --energy` estimated of the same."""

Report = Mapping[str, Any]


def read_reports() -> list[Report]:
    """Return what was reported of every design, library and corner."""
    return [read_json(path) for path in sorted(REPORTS.glob("*.json"))]


def read_energies() -> list[Report]:
    """Return the energies that were estimated; a chip comes before itself with clock gates."""
    return [read_json(path) for path in sorted(ENERGY.glob("*.json"), key=lambda path: path.stem)]


def asic_parts() -> dict[str, str]:
    """Return the tables of areas and periods, of blocks, memories and tiles."""
    reports = read_reports()
    typical = [report for report in reports if report["corner"]["name"] == "typ"]
    whole = [report for report in typical if report["design"] == "f1"]
    return {
        "asic": table(
            (
                *("design", "library, corner", "mm2", "flip-flops", "cells"),
                *("ns", "ns by OpenSTA", "cells on the path", "over fan-out", "over capacitance"),
                "digits a second",
            ),
            map(chip_row, reports),
        ),
        "asic-blocks": blocks(whole),
        "asic-memories": memories(typical),
        "asic-srams": srams(next(r for r in whole if r["library"] == "sg13g2")),
        "asic-tiny": tiles(typical),
        "asic-librelane": librelane(read_json(SYNTHESIS), typical),
        "asic-energy": energies(read_energies()),
    }


def chip_row(report: Report) -> list[str]:
    """Return the row of a design in a library at a corner."""
    path, wrong, other = report["longest_path"], report["violations"], report["opensta"]
    return [
        f"`{report['design']}`",
        corner(report),
        f"{report['area_mm2']:.3f}",
        f"{report['flops']:,}",
        f"{report['cells']:,}",
        f"{path['ns']:.3f}",
        f"{other['ns']:.3f}" if other else "",
        f"{len(path['cells'])}",
        f"{wrong['fanout']:,}",
        f"{wrong['capacitance']:,}",
        f"{report['digits_per_second']:,.0f}",
    ]


def corner(report: Report) -> str:
    """Return the library and the corner, with its conditions."""
    volts, degrees = report["corner"]["conditions"]
    return f"{report['library']}, {report['corner']['name']} ({volts:g} V, {degrees:g} °C)"


def energies(found: Sequence[Report]) -> str:
    """Return the energy of a digit in each design, and the power at its period."""
    return table(
        (
            *("design", "library, corner", "clock gates", "flip-flops behind them", "mm2"),
            *("clocks", "ns", "clock, nJ", "logic, nJ", "leakage, nJ", "uJ a digit", "mW"),
        ),
        (
            [
                f"`{one['design']}`",
                corner(one),
                *(f"{one['clock_gates'][what]:,}" for what in ("gates", "flops")),
                f"{one['area_mm2']:.3f}",
                f"{one['clocks']:,}",
                f"{one['ns']:.2f}",
                *(f"{one['nj'][part]:,.1f}" for part in ("clock", "logic", "leakage")),
                f"{one['total_nj'] / 1000:.2f}",
                f"{one['mw']:.1f}",
            ]
            for one in found
        ),
    )


def blocks(reports: Sequence[Report]) -> str:
    """Return the area and the flip-flops of each block, the largest first."""
    names = [name for report in reports for name in report["blocks"]]
    rows = []
    for name in dict.fromkeys(names):
        found = [report["blocks"].get(name, {"area_mm2": 0.0, "flops": 0}) for report in reports]
        areas = (f"{block['area_mm2']:.4f}" for block in found)
        rows.append([f"`{name}`", f"{found[0]['flops']:,}", *areas])
    libraries = (f"mm2, {report['library']}" for report in reports)
    return table(("block", "flip-flops", *libraries), rows)


def srams(report: Report) -> str:
    """Return the SRAMs that a design's memories take, and those that two ports would."""
    kinds: dict[str, list[Report]] = {}
    for memory in report["memories"]:
        kinds.setdefault(memory["macro"], []).append(memory)
    rows, sums = [], Counter[str]()
    for macro, found in kinds.items():
        row = [f"{len(found)} x `{macro}`"]
        for ports in ("sram", "sram_of_two_ports"):
            made = found[0][ports]
            area = len(found) * made["area_mm2"]
            sums[ports] += area
            name = made["name"].removeprefix("RM_IHPSG13_").removesuffix("_bm_bist")
            typ = f"{made['access_ns']['typ']:.2f}"
            row += [f"{len(found) * made['count']} x `{name}`", typ, f"{area:.3f}"]
        rows.append(row)
    one, two = (f"{area:.3f}" for area in sums.values())
    rows.append(["all", "", "", one, "", "", two])
    headings = ("SRAMs", "ns", "mm2")
    return table(("memories", *headings, *(f"{text}, two ports" for text in headings)), rows)


def tiles(reports: Sequence[Report]) -> str:
    """Return the tiles of Tiny Tapeout that the chip for it needs, and what fills them."""
    rows = []
    for report in reports:
        if found := report.get("tiny_tapeout"):
            used = found["cells_mm2"] / found["density"] + found["srams_mm2"]
            rows.append([
                f"{found['cells_mm2']:.3f}",
                f"{found['srams_mm2']:.3f}",
                f"{used:.3f}",
                found["tiles"],
                found["count"],
                f"{found['tiles_mm2']:.3f}",
            ])
    headings = ("mm2 of cells", "mm2 of SRAMs", "mm2 with room for wires", "tiles", "number", "mm2")
    return table(headings, rows)


def librelane(found: Mapping[str, Any], reports: Sequence[Report]) -> str:
    """Return what LibreLane's synthesis made of the chips, beside the areas reported here."""
    ours = {r["design"]: r["area_mm2"] for r in reports if r["library"] == "sg13g2"}
    counts = ("lint_error", "lint_warning", "inferred_latch", "instance_unmapped")
    rows = [
        [
            f"`{design}`",
            f"{ours[design]:.3f}",
            f"{metrics['design__instance__area'] * 1e-6:.3f}",
            f"{metrics['design__instance__count']:,}",
            *(metrics[f"design__{count}__count"] for count in counts),
            metrics["synthesis__check_error__count"],
        ]
        for design, metrics in found["designs"].items()
    ]
    areas = ("mm2 by `make asic`", "mm2 by LibreLane", "instances")
    checks = ("lint errors", "lint warnings", "latches", "unmapped cells", "check errors")
    return table(("design", *areas, *checks), rows)


def memories(reports: Sequence[Report]) -> str:
    """Return the memories of each design: the same in every library."""
    rows: dict[tuple[str, str], tuple[int, Report]] = {}
    for report in reports:
        for memory in report["memories"]:
            key = report["design"], memory["macro"]
            count, _ = rows.get(key, (0, memory))
            rows[key] = count + (report["library"] == reports[0]["library"]), memory
    return table(
        ("design", "macro", "number", "rows", "bits", "ports"),
        (
            [
                f"`{design}`",
                f"`{macro}`",
                count,
                f"{memory['rows']:,}",
                memory["bits"],
                memory["ports"],
            ]
            for (design, macro), (count, memory) in rows.items()
        ),
    )
