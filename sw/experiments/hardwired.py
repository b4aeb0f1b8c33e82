"""Tables of docs/hardwired.md, from what `thalweg estimate --hardwired --place` has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from golden.files import ROOT, read_json
from sw.experiments.measured import clocks_of_seeds
from sw.report.docs import table

__all__ = ["hardwired_parts"]

COST = ROOT / "docs" / "hardwired.json"
CELLS = (("lut", "LUT"), ("ff", "FF"), ("dsp", "multipliers"), ("bram", "block RAM"))


def hardwired_parts() -> dict[str, str]:
    """Return the tables of a skeleton's adders and of the chip that has them."""
    found = read_json(COST)
    return {"hardwired-adders": adders(found), "hardwired": placement(found)}


def adders(found: Mapping[str, Any]) -> str:
    """Return the table of the adders of each part, and their sum."""
    rows = [
        (
            part["part"],
            part["outputs"],
            f"{part['adders']:,}",
            f"{part['adders'] / part['outputs']:.1f}",
            f"{part['bits']:,}",
            part["depth"],
        )
        for part in found["parts"]
    ]
    total = ("all", "", f"{found['adders']:,}", "", f"{found['bits']:,}", "")
    headings = ("part", "outputs", "adders", "per output", "bits of the adders", "in a row")
    return table(headings, [*rows, total])


def placement(found: Mapping[str, Any]) -> str:
    """Return the table of what the chip takes: the estimate, and a part where it was placed."""
    estimate = [("LUT", f"{found['lut']:,}"), ("FF", f"{found['ff']:,}")]
    chip = found.get("placed")
    if chip is None:
        return table(("of an ECP5", "estimate"), estimate)
    rows = [
        (name, f"{chip[kind]['used']:,} of {chip[kind]['available']:,}") for kind, name in CELLS
    ]
    rows += [
        ("MHz", clocks_of_seeds(chip["fmax_mhz"])),
        ("digits a second", f"{chip['digits_per_second_engine']:,.0f}"),
    ]
    guesses = dict(estimate)
    return table(
        (chip["device"], "estimate", "placed"),
        ((name, guesses.get(name, ""), value) for name, value in rows),
    )
