"""The figures of `landscape`: maps of energy with and without the gate, and paths across."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sw.experiments.memory.drawing import ACCENT, INK, figure
from sw.experiments.memory.task import Outcome

__all__ = ["draw"]

MACHINES = ("rule", "rule and gate")


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figures and return their paths."""
    paths = [folder / "landscape.png", folder / "landscape-paths.png"]
    draw_maps(outcome.arrays, paths[0])
    draw_paths(outcome.arrays, paths[1])
    return paths


def draw_maps(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Draw both energies of both machines, and what digit each point falls to."""
    x, y = arrays["x"], arrays["y"]
    extent = (x[0], x[-1], y[0], y[-1])
    columns = (("to end", "distance to the end"), ("motion", "motion"), ("digit", "digit read"))
    with figure(path, rows=2, columns=3, size=(8.4, 5.6), sharex=True, sharey=True) as axes:
        for row, name in zip(axes, MACHINES, strict=True):
            for axis, (kind, label) in zip(row, columns, strict=True):
                field = arrays[f"{name}: {kind}"].astype(float)
                if kind == "digit":
                    field = np.where(arrays[f"{name}: sure"] >= 0.9, field, np.nan)
                fields = [arrays[f"{other}: {kind}"] for other in MACHINES]
                limits = (0, 9) if kind == "digit" else (0, max(f.max() for f in fields))
                colours = "tab10" if kind == "digit" else "cividis"
                shown = axis.imshow(
                    field, colours, extent=extent, origin="lower", aspect="auto",
                    vmin=limits[0], vmax=limits[1],
                )  # fmt: skip
                axis.figure.colorbar(shown, ax=axis, ticks=range(10) if kind == "digit" else None)
                axis.set(title=f"{name}: {label}")
                axis.grid(visible=False)
                places = arrays["places"]
                axis.plot(places[:, 0], places[:, 1], ".", color="white", markersize=1.5)


def draw_paths(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Draw the energies along the paths between digits: each path faint, their mean strong."""
    with figure(path, columns=2) as axes:
        for axis, (kind, label) in zip(
            axes,
            (("path to end", "distance to the end"), ("path motion", "motion in a step")),
            strict=True,
        ):
            for name, colour in zip(MACHINES, (INK, ACCENT), strict=True):
                profiles = arrays[f"{name}: {kind}"]
                share = np.linspace(0, 100, profiles.shape[1])
                axis.plot(share, profiles.T, color=colour, alpha=0.2, linewidth=0.7)
                axis.plot(share, profiles.mean(axis=0), color=colour, linewidth=2, label=name)
            axis.set(xlabel="way from one digit to another in %", ylabel=f"{label}, codes")
        axes[0].legend(frameon=False, fontsize=8)
