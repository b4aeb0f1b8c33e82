"""The figures of `valleys`: what noise becomes, valley by valley, and what shaking does to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sw.experiments.memory.drawing import ACCENT, DIGITS, INK, figure
from sw.experiments.memory.task import Outcome
from sw.restore.png import write_png

__all__ = ["draw"]

COLUMNS, SCALE, GAP = 20, 2, 2


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figures and return their paths."""
    results, arrays = outcome
    paths = [folder / f"{name}.png" for name in ("valleys-digits", "valleys", "valleys-shaken")]
    write_png(paths[0], gather(arrays["shown"], arrays["read"]))
    with figure(paths[1], columns=2) as axes:
        counts = results["digits"]
        axes[0].bar(DIGITS, counts, color=INK)
        axes[0].axhline(sum(counts) / 10, color=ACCENT, linewidth=1)
        axes[0].set(xticks=DIGITS, xlabel="digit read at step 200", ylabel="starts")
        moves = shakes(results)
        axes[1].plot(list(moves), [m["returned"] for m in moves.values()], "o-", color=INK)
        struck = results["shaken"]["moves"]["cells lost"]["returned"]
        axes[1].axhline(struck, color=ACCENT, linewidth=1, label="30 % of the cells lost instead")
        axes[1].set(xscale="log", xticks=list(moves), xticklabels=list(moves), ylim=(0, 103))
        axes[1].set(xlabel="noise added to every code, sigma", ylabel="same digit later in %")
        axes[1].minorticks_off()
        axes[1].legend(frameon=False, fontsize=8, loc="lower left")
    draw_moves(shakes(results), paths[2])
    return paths


def shakes(results: dict[str, Any]) -> dict[int, Any]:
    """Return the trials with noise by their strength."""
    moves = results["shaken"]["moves"].items()
    return {int(name.split()[1]): move for name, move in moves if name.startswith("noise")}


def draw_moves(moves: dict[int, Any], path: Path) -> None:
    """Draw from which digit to which the lattices went, a panel a strength."""
    with figure(path, columns=len(moves), size=(2 * len(moves), 2.3), sharey=True) as axes:
        for axis, (sigma, move) in zip(axes, moves.items(), strict=True):
            table = np.array(move["from_to"])
            axis.imshow(
                table / np.maximum(1, table.sum(axis=1, keepdims=True)), "gray_r", vmin=0, vmax=1
            )
            axis.set(title=f"sigma {sigma}", xticks=DIGITS, yticks=DIGITS, xlabel="to")
            axis.grid(visible=False)
        axes[0].set(ylabel="from")


def gather(shown: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Lay out images (n, h, w) by the digit that was read in them, a few of each, a row a digit."""
    height, width = (size * SCALE + GAP for size in shown.shape[1:])
    page = np.full((10 * height + GAP, COLUMNS * width + GAP), 244, np.uint8)
    for digit in DIGITS:
        for column, image in enumerate(shown[read == digit][:COLUMNS]):
            large = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
            top, left = digit * height + GAP, column * width + GAP
            page[top : top + large.shape[0], left : left + large.shape[1]] = large
    return page
