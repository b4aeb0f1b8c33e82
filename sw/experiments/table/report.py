"""The table and the curves as Markdown and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import ROOT, is_file, read_json, remove, replacement
from sw.experiments.baselines.settings import SETTINGS
from sw.model.baselines.shelf import SHIPPED as WEIGHTS
from sw.report.docs import table
from sw.report.publish import publish, require_docs, require_test_digits

__all__ = [
    "CURVES",
    "compared_parts",
    "curve_table",
    "draw_curves",
    "draw_rows",
    "remove_curves",
    "require_shippable",
    "result_table",
    "ship",
]

CURVES = "curves.json"
"""File name of the curves' points; that of their picture has another ending."""

NAMES = ("results.json", "results.png", CURVES, "curves.png")
"""Names in docs: the table and its picture, the curves and theirs."""

TWINS = (", float", "(Brevitas)", "(simulated chip)")
"""How the rows of a skeleton end that a picture leaves out: golden's has the same codes, or nearly
the same image."""

HEADINGS = (
    "restorer",
    "mean PSNR",
    "PSNR of mean",
    "pasted",
    "pasted, of mean",
    "SSIM",
    "read right",
    "parameters",
    "MACs",
    "bytes over the link",
    "digits",
    "the source idea claims",
)


def result_table(rows: Iterable[dict[str, Any]]) -> str:
    """Return the rows as Markdown; restorers that get the mask are marked.

    The last column is left out where no row has a claim.
    """
    rows = list(rows)
    width = len(HEADINGS) - all(row["claim"] is None for row in rows)
    return table(HEADINGS[:width], (cells(row)[:width] for row in rows))


def cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one row."""
    claim = row["claim"]
    decibels = ("psnr_mean", "psnr_mse", "psnr_mean_pasted", "psnr_mse_pasted")
    return [
        row["name"] + (" (given the mask)" if row["given_mask"] else ""),
        *(f"{row[key]:.2f} dB" for key in decibels),
        f"{row['ssim']:.3f}",
        f"{row['digit_id']:.2f} %",
        f"{row['parameters']:,}",
        amount(row["macs"]),
        "" if row["link_bytes"] is None else f"{row['link_bytes']:,}",
        f"{row['images']:,} {row['rows']}",
        ""
        if claim is None
        else f"{claim['psnr']} dB, {claim['digit_id']} %, {claim['flop'] / 1e9:g} GFLOP",
    ]


def amount(macs: int | None) -> str:
    """Return a number of multiply-accumulates in words."""
    if macs is None:
        return "not counted"
    return f"{macs / 1e6:.2f} M" if macs >= 1e4 else f"{macs:,}"


def curve_table(points: Sequence[dict[str, Any]]) -> str:
    """Return a table of mean PSNR and digits read right, by subject and damage."""
    names = dict.fromkeys(point["name"] for point in points)
    by_place = {(point["name"], point["damage"]): point for point in points}
    rows = []
    for damage in dict.fromkeys(point["damage"] for point in points):
        found = (by_place[name, damage] for name in names)
        rows.append([damage, *(f"{p['psnr_mean']:.2f} dB, {p['digit_id']:.1f} %" for p in found)])
    return table(("damage", *names), rows)


def draw_curves(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw mean PSNR and digits read right against damage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_curve(left, points, "psnr_mean", "mean PSNR in dB")
    draw_curve(right, points, "digit_id", "read right in %")
    right.legend(fontsize=8)
    with replacement(path) as temporary:
        figure.savefig(temporary, dpi=110)


def draw_curve(axes: Any, points: Sequence[dict[str, Any]], key: str, label: str) -> None:
    """Draw one number of every subject against the share that is blanked, then other damage."""
    damages = list(dict.fromkeys(point["damage"] for point in points))
    shares = [damage for damage in damages if damage.endswith("blanked")]
    others = [damage for damage in damages if damage not in shares]
    percents = [share.split("%")[0] for share in shares]
    blanked = [float(percent) for percent in percents]
    places = [105 + 10 * i for i in range(len(others))]
    for name in dict.fromkeys(point["name"] for point in points):
        values = {p["damage"]: p[key] for p in points if p["name"] == name}
        (line,) = axes.plot(
            blanked, [values[share] for share in shares], marker="o", markersize=3, label=name
        )
        axes.plot(places, [values[o] for o in others], "o", color=line.get_color())
    axes.set_xticks([*blanked, *places], [*percents, "block", "\nnoise"])
    axes.set(xlabel="pixels blanked in %, or other damage", ylabel=label)
    axes.grid(alpha=0.3)


def draw_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw mean PSNR against multiply-accumulates, for rows that have them; skeletons once."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        if row["macs"] and not row["name"].endswith(TWINS):
            style = "s" if row["given_mask"] else "o"
            axes.plot(
                row["macs"] / 1e6, row["psnr_mean"], style, color="C1" if style == "s" else "C0"
            )
            axes.annotate(
                f"{row['name']}, {row['digit_id']:.1f} %",
                (row["macs"] / 1e6, row["psnr_mean"]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
    axes.set(xscale="log", xlabel="million multiply-accumulates a digit", ylabel="mean PSNR in dB")
    axes.margins(0.25, 0.12)
    axes.grid(alpha=0.3)
    with replacement(path) as temporary:
        figure.savefig(temporary, dpi=110)


def compared_parts() -> dict[str, str]:
    """Return the tables of the comparison, of its curves and of the baselines' training."""
    rows, points = (read_json(ROOT / "docs" / name) for name in ("results.json", CURVES))
    return {"results": result_table(rows), "curves": curve_table(points), "baselines": baselines()}


def baselines() -> str:
    """Return the table of the baselines' training."""
    rows = []
    for name in SETTINGS:
        path = WEIGHTS / f"{name}.json"
        if not path.is_file():
            continue
        record = read_json(path)
        settings = record["recipe"]
        rows.append([
            f"`{name}`",
            f"{record['parameters']:,}",
            f"{settings['batches']:,} x {settings['batch']}",
            f"{settings['rate']:g}",
            half_run(record),
            f"{record['held_out_psnr']:.2f} dB",
            f"{record['seconds'] / 60:.0f} min",
        ])
    headings = (
        "baseline",
        "parameters",
        "batches",
        "rate",
        "PSNR with half the batches",
        "held-out PSNR",
        "time",
    )
    return table(headings, rows)


def half_run(record: Mapping[str, Any]) -> str:
    """Return the PSNR of a run with half the batches; an empty text if there was none."""
    half = record["recipe"]["batches"] / 2
    runs = [run for run in record.get("shorter", []) if run["batches"] == half]
    return f"{runs[0]['held_out_psnr']:.2f} dB" if runs else ""


def remove_curves(folder: Path) -> list[Path]:
    """Remove the curves of an earlier run from a folder, and return their paths.

    A file of that name without such points is not ours, and stays.
    """
    path = folder / CURVES
    try:
        points = read_json(path)
        ours = all({"name", "damage", "psnr_mean"} <= point.keys() for point in points)
    except (InputError, AttributeError, TypeError):
        return []
    gone = [each for each in (path, path.with_suffix(".png")) if ours and is_file(each)]
    for each in gone:
        remove(each)
    return gone


def ship(output: Path, rows: Sequence[dict[str, Any]], points: Sequence[dict[str, Any]]) -> None:
    """Copy the table on test digits to docs, and the curves if there are points."""
    require_shippable(row["rows"] for row in rows)
    files = [output, output.with_suffix(".png")]
    if points:
        files += [output.with_name(CURVES), output.with_name(CURVES).with_suffix(".png")]
    publish(dict(zip(NAMES, files, strict=False)), ROOT / "docs")


def require_shippable(rows: Iterable[str]) -> None:
    """Raise unless all rows are of test digits, and docs are there to be written."""
    require_docs(ROOT / "docs", *NAMES)
    require_test_digits(rows)
