"""What `thalweg yours` reports: a page, its picture, and tables for the docs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from golden.errors import InputError
from golden.files import read_json, replacement, write_json
from sw.report.docs import table as markdown
from sw.report.pictures import sheet
from sw.report.publish import DOCS, publish, require_docs

__all__ = [
    "FILES",
    "SHOWN",
    "own_parts",
    "publish_own",
    "require_own_docs",
    "tables",
    "write_report",
]

FILES = ("report.html", "report.json", "report.png")

SHOWN = ("letters",)
"""Names of skeletons whose reports and comparisons are in docs."""

WIDTH = 900
"""Pixels that the sheet of images is about as wide as."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { border: 1px solid #ccc; padding: .3em .7em; text-align: left; }
img { max-width: 100%; image-rendering: pixelated; }
code { background: #f3f3f3; }
"""


def write_report(folder: Path, told: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> Path:
    """Write the report's numbers, its picture and its page; return the page's path."""
    html, numbers, picture = (folder / name for name in FILES)
    write_json(numbers, told)
    side = next(iter(columns.values())).shape[2]
    scale = max(1, round(WIDTH / len(columns) / (side + 2)))
    with replacement(picture) as temporary:
        Image.fromarray(sheet(columns, scale)).save(temporary, format="PNG", optimize=True)
    with replacement(html) as temporary:
        temporary.write_text(page(told, picture), encoding="utf-8")
    return html


def page(told: Mapping[str, Any], picture: Path) -> str:
    """Return the page as HTML; the picture is in it, so that it needs no other file."""
    name, data = escape(told["name"]), base64.b64encode(picture.read_bytes()).decode("ascii")
    body = [
        f"<h1>{name}</h1>",
        f"<p><code>{escape(told['command'])}</code></p>",
        f'<img alt="Images, damaged, step by step, restored" src="data:image/png;base64,{data}">',
    ]
    for title, rows in tables(told).values():
        body += [f"<h2>{escape(title)}</h2>", table(rows)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def table(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as a table of HTML, the first of them its heading."""
    lines = []
    for kind, row in zip(["th", *["td"] * 99], rows, strict=False):
        cells = "".join(f"<{kind}>{escape(str(cell))}</{kind}>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def tables(told: Mapping[str, Any]) -> dict[str, tuple[str, list[list[str]]]]:
    """Return the tables of a report, by name: the title, and rows, headings first."""
    seconds = [[part, f"{seconds:,.0f}"] for part, seconds in told["seconds"].items()]
    return {
        "restored": ("How well it restores", results(told["results"])),
        "trained": ("What was trained", trained(told)),
        "proven": ("What was proven", proven(told)),
        "seconds": ("How long it took", [["part", "seconds"], *seconds]),
    }


def results(found: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of an evaluation."""
    read = "digit_id" in found["restored"]
    rows = [["images", "mean PSNR", "PSNR of mean", "read right" if read else "SSIM"]]
    for part, name in (
        ("blanked", "damaged"),
        ("restored", "restored"),
        ("pasted", "restored, known pixels pasted"),
        ("originals", "originals"),
    ):
        scores = found[part]
        last = f"{scores['digit_id']:.1f} %" if read else f"{scores['ssim']:.3f}"
        decibels = [f"{scores[key]:.2f} dB" for key in ("psnr_mean", "psnr_of_mean")]
        rows.append([name, *(["", ""] if part == "originals" else decibels), last])
    return rows


def trained(told: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of what was trained, and on what."""
    data, spec, parameters = told["data"], told["spec"], told["parameters"]
    held = data.get("held_out")
    tests = "its own" if held is None else f"{held['share']:.0%} held out, seed {held['seed']}"
    stages = ", ".join(f"{count:,} {stage}" for stage, count in told["batches"].items())
    edges = f"{spec['height']} x {spec['width']}"
    return [
        ["what", "is"],
        ["data", data["source"]],
        ["training images", f"{data['train']:,}"],
        ["test images", f"{data['test']:,}, {tests}"],
        ["damage", f"{told['damage']}"],
        ["lattice", f"{edges} cells, {spec['channels']} channels, boundary {spec['boundary']}"],
        ["rule", f"{spec['multiplier']} filters a channel, {spec['steps']} steps"],
        ["integers of the skeleton", f"{parameters['skeleton']:,}"],
        ["integers of the gate", f"{parameters['gate']:,}" if parameters["gate"] else "no gate"],
        ["batches", stages],
        ["training", f"{told['training_seconds']:,} s on {told['machine']['processor']}"],
        ["digest", told["skeleton"]],
    ]


def proven(told: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of what equals golden, code for code."""
    chip, rows = told["chip"], [["equal to golden, every code", "on"]]
    rows.append(["Brevitas", f"{told['codes_equal_to_golden']:,} codes"])
    if "none" in chip:
        return [*rows, ["no chip takes this rule", chip["none"]]]
    folded = f"{chip['verilog']}, F = {chip['filters']}"
    bench = chip["cocotb"]["images"]
    rows.append([f"Verilog under cocotb ({folded})", f"{bench} images, every state of every step"])
    if "device" in chip:
        found = chip["device"]
        clocks = found["clocks"] / found["images"]
        rows.append([
            "simulated chip",
            f"{found['images']} images, {found['codes']:,} codes, {clocks:,.0f} clocks an image",
        ])
    return rows


def require_own_docs(name: str, docs: Path = DOCS) -> None:
    """Raise `InputError` unless the report of a skeleton of this name can be put into docs."""
    if name not in SHOWN:
        raise InputError(f"--docs must come with --name {' or '.join(SHOWN)}, not with {name}")
    require_docs(docs, f"{name}.json", f"{name}.png")


def publish_own(folder: Path, name: str, docs: Path = DOCS) -> None:
    """Put the numbers and the picture of a report into docs."""
    publish({f"{name}.json": folder / FILES[1], f"{name}.png": folder / FILES[2]}, docs)


def own_parts(docs: Path = DOCS) -> dict[str, str]:
    """Return the parts of docs from the reports that are there."""
    parts = {}
    for name in SHOWN:
        told = read_json(docs / f"{name}.json")
        for part, (_, (heading, *rows)) in tables(told).items():
            parts[f"{name}-{part}"] = markdown(heading, rows)
    return parts
