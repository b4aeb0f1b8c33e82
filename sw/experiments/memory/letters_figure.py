"""The figures of `letters`: what each gate keeps and learns, and what it shows."""

from __future__ import annotations

from pathlib import Path

from sw.experiments.memory.drawing import ACCENT, INK, figure
from sw.experiments.memory.task import Outcome
from sw.report.pictures import sheet
from sw.restore.png import write_png

__all__ = ["draw"]


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figure and the sheet, and return their paths."""
    gates = outcome.results["gates"]
    paths = [folder / "letters.png", folder / "letters-shown.png"]
    with figure(paths[0], size=(6, 3)) as axis:
        for kind, colour, shift in (("digits", INK, -0.17), ("letters", ACCENT, 0.17)):
            heights = [scores[kind]["psnr_mean"] for scores in gates.values()]
            places = [place + shift for place in range(len(gates))]
            axis.bar(places, heights, width=0.32, color=colour, label=kind)
        axis.set(xticks=range(len(gates)), xticklabels=list(gates), ylabel="mean PSNR in dB")
        axis.legend(frameon=False, fontsize=8)
    columns = {"letter": outcome.arrays["letters"]}
    columns |= {name: outcome.arrays[f"{name}: letters"] for name in gates}
    write_png(paths[1], sheet(columns, 2))
    return paths
