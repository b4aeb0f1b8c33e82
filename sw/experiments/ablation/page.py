"""The generated parts of docs/training.md about the ablation, from JSON files in docs.

`ablation` is a table of rows; `seeds` is a table of runs that differ only in the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from golden.files import is_file, read_json
from sw.report import publish as publishing
from sw.report.docs import paragraph, table
from sw.report.publish import DOCS, require_docs, require_test_digits

__all__ = ["PARTS", "parts", "publish", "require_publishable"]

HEADINGS = (
    "change",
    "mean PSNR",
    "spread",
    "difference to base",
    "read right",
    "difference to base",
    "bytes over the link",
    "training",
)


def parts(folder: Path = DOCS) -> dict[str, str]:
    """Return the parts by name; empty texts if nothing was measured."""
    return {name: part(folder / f"{name}.json", show) for name, show in PARTS.items()}


def part(path: Path, show: Callable[[Mapping[str, Any]], str]) -> str:
    """Return a part from the results in a file."""
    if not is_file(path):
        return ""
    results = read_json(path)
    return head(results) + "\n" + show(results)


def head(results: Mapping[str, Any]) -> str:
    """Return a paragraph about the training and the digits of the measurement."""
    counts = " to ".join(map(str, sorted({len(row["runs"]) for row in results["rows"]})))
    return paragraph(
        f"{results['batches']:,} batches of {results['batch']} in float, "
        f"{results['qat_batches']:,} of QAT at a rate of {results['qat_rate']:g}; "
        f"seeds per row: {counts}. Int8 on golden, "
        f"{results['digits']['images']:,} {results['digits']['rows']} digits. "
        "The spread is the difference between the best and the worst seed."
    )


def result_table(results: Mapping[str, Any]) -> str:
    """Return the rows as Markdown."""
    return table(HEADINGS, map(cells, results["rows"]))


def seed_table(results: Mapping[str, Any]) -> str:
    """Return every run of every row and their spread as Markdown."""
    lines = []
    for row in results["rows"]:
        for run in row["runs"]:
            lines.append([
                f"{row['says']}, seed {run['seed']}",
                f"{run['psnr_mean']:.2f} dB",
                f"{run['digit_id']:.2f} %",
                f"{run['seconds']:.0f} s",
            ])
        read = [run["digit_id"] for run in row["runs"]]
        spreads = f"{row['psnr_spread']:.2f} dB", f"{max(read) - min(read):.2f} %", ""
        lines.append(["spread", *spreads])
    return table(("run", "mean PSNR", "read right", "training"), lines)


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of one row."""
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
    """Return a difference with its sign; an empty text for None."""
    return "" if difference is None else f"{difference:+.2f} {unit}"


PARTS = {"ablation": result_table, "seeds": seed_table}
"""The table of each part."""


def publish(results: Path, part: str, folder: Path = DOCS) -> Path:
    """Copy results on test digits to docs; return the path of the copy."""
    require_publishable(read_json(results)["digits"]["rows"], part, folder)
    publishing.publish({f"{part}.json": results}, folder)
    return folder / f"{part}.json"


def require_publishable(rows: str, part: str, folder: Path = DOCS) -> None:
    """Raise unless these are test digits, and docs are there to be written."""
    require_test_digits([rows])
    require_docs(folder, f"{part}.json")
