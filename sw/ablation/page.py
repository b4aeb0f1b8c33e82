"""The ablation for readers: the generated part of docs/training.md, from docs/ablation.json."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import replacing
from sw.docs import ROOT, table

__all__ = ["PAGE", "parts", "publish", "result_table"]

PAGE = ROOT / "docs" / "ablation.json"
HEADINGS = (
    "what is different",
    "mean PSNR",
    "spread",
    "to base",
    "read right",
    "to base",
    "bytes over the link",
    "training",
)


def parts(path: Path = PAGE) -> dict[str, str]:
    """Return the part by its name; nothing where nothing was measured."""
    if not path.is_file():
        return {"ablation": ""}
    results = json.loads(path.read_text(encoding="utf-8"))
    return {"ablation": head(results) + "\n" + result_table(results)}


def head(results: Mapping[str, Any]) -> str:
    """Return what was trained, and what it was measured on."""
    seeds = {len(row["runs"]) for row in results["rows"]}
    return (
        f"{results['batches']:,} batches of {results['batch']} in float, "
        f"{results['qat_batches']:,} of QAT, seeds a row: {' to '.join(map(str, sorted(seeds)))}. "
        f"Int8 on golden, {results['digits']['images']:,} {results['digits']['rows']} digits; "
        "the spread is largest less smallest of the seeds.\n"
    )


def result_table(results: Mapping[str, Any]) -> str:
    """Return the rows as Markdown."""
    return table(HEADINGS, map(cells, results["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return one row in words."""
    return [
        row["says"],
        f"{row['psnr_mean']:.2f} dB",
        f"{row['psnr_spread']:.2f} dB",
        apart(row["psnr_to_base"], "dB"),
        f"{row['digit_id']:.2f} %",
        apart(row["digit_id_to_base"], "%"),
        f"{row['link_bytes']:,}",
        f"{row['seconds']:.0f} s",
    ]


def apart(difference: float | None, unit: str) -> str:
    """Return a difference in words; nothing where there is none to tell."""
    return "" if difference is None else f"{difference:+.2f} {unit}"


def publish(results: Path, page: Path = PAGE) -> Path:
    """Copy results to docs: from test digits alone; return the path of the copy."""
    if json.loads(results.read_text(encoding="utf-8"))["digits"]["rows"] != "test":
        raise InputError("--docs must come with MNIST's test digits at hand; --data names a folder")
    if not page.parent.is_dir():
        raise InputError(f"{page.parent} must be there: --docs is for a checkout of the project")
    with replacing(page) as temporary:
        shutil.copyfile(results, temporary)
    return page
