"""The page of `thalweg yours`: what was trained, proven, simulated and measured, on one page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from golden.files import replacement
from sw.report.pictures import sheet

__all__ = ["page", "tables"]

WIDTH = 900
"""Pixels that the sheet of images is about as wide as."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { border: 1px solid #ccc; padding: .3em .7em; text-align: left; }
img { max-width: 100%; image-rendering: pixelated; }
code { background: #f3f3f3; }
"""


def page(path: Path, told: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> None:
    """Write the page, whole or not at all: one file that needs no other."""
    name, parts = escape(told["name"]), tables(told)
    body = [f"<h1>{name}</h1>", f"<p><code>{escape(told['command'])}</code></p>", image(columns)]
    for title, rows in parts.items():
        body += [f"<h2>{escape(title)}</h2>", table(rows)]
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
    with replacement(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def image(columns: Mapping[str, np.ndarray]) -> str:
    """Return the sheet of images as an element that contains them."""
    side = next(iter(columns.values())).shape[2]
    scale = max(1, round(WIDTH / len(columns) / (side + 2)))
    file = BytesIO()
    Image.fromarray(sheet(columns, scale)).save(file, format="PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="Images, damaged, step by step, restored" src="data:image/png;base64,{data}">'


def table(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as a table of HTML, the first of them its heading."""
    lines = []
    for kind, row in zip(["th", *["td"] * 99], rows, strict=False):
        cells = "".join(f"<{kind}>{escape(str(cell))}</{kind}>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def tables(told: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """Return the tables of a report, headings first, by their titles."""
    return {
        "How well it restores": results(told["results"]),
        "What was trained": trained(told),
        "What was proven": proven(told),
        "How long it took": [
            ["part", "seconds"],
            *([part, f"{seconds:,.0f}"] for part, seconds in told["seconds"].items()),
        ],
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
