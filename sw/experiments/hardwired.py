"""Tables of docs/hardwired.md, from what `thalweg estimate --hardwired --place` has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from golden.files import ROOT, read_json
from sw.report.docs import table

__all__ = ["hardwired_parts"]

COST = ROOT / "docs" / "hardwired.json"
CELLS = ("lut", "ff", "dsp", "bram")


def hardwired_parts() -> dict[str, str]:
    """Return the tables of a skeleton's adders and of the chip that has them."""
    found = read_json(COST)
    return {"hardwired-adders": adders(found), "hardwired": placed(found)}


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
    headings = ("part", "filters", "adders", "a filter", "bits of the adders", "adders in a row")
    return table(headings, [*rows, total])


def placed(found: Mapping[str, Any]) -> str:
    """Return the table of what the chip takes of a part: estimate and placement."""
    chip = found["placed"]
    estimated = (found["lut"], found["ff"], 0, "")
    names = ("LUT", "FF", "multipliers", "block RAM")
    rows = [
        (name, f"{guess:,}" if guess != "" else "", f"{chip[kind]['used']:,}",
         f"{chip[kind]['available']:,}")
        for name, kind, guess in zip(names, CELLS, estimated, strict=True)
    ]  # fmt: skip
    rates = [
        ("MHz", "", chip["fmax_mhz"], ""),
        ("digits a second", "", f"{chip['digits_per_second_engine']:,.0f}", ""),
    ]
    return table((chip["device"], "estimate", "placed", "available"), [*rows, *rates])
