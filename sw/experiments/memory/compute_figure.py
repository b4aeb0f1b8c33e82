"""The figure of `compute`: quality against work, and where bits toggle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sw.experiments.memory.drawing import ACCENT, INK, figure
from sw.experiments.memory.task import Outcome

__all__ = ["draw"]

COLOURS = {"rule": INK, "rule and gate": ACCENT}


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figure and return its path."""
    results, path = outcome.results, folder / "compute.png"
    counted = results["toggles"] is not None
    with figure(path, columns=1 + counted, size=(4 + 4 * counted, 3), squeeze=False) as axes:
        work, *toggles = axes[0]
        for name, curve in results["curves"].items():
            spent = [scores["macs"] / 1e6 for scores in curve.values()]
            gained = [scores["psnr_mean"] for scores in curve.values()]
            work.plot(
                spent, gained, "o-", color=COLOURS[name], label=f"{name}, steps 1 to {len(curve)}"
            )
        if (other := results["autoencoder"]) is not None:
            place = other["macs"] / 1e6, other["psnr_mean"]
            work.plot(*place, "s", color="0.6", label="auto-encoder")
        work.set(xlabel="multiply-accumulates a digit, millions", ylabel="mean PSNR in dB")
        work.legend(frameon=False, fontsize=8)
        if toggles:
            draw_toggles(results, toggles[0])
    return [path]


def draw_toggles(results: dict[str, Any], axis: Any) -> None:
    """Draw mean toggles of a step on the chip against the quality that the run reaches."""
    for name, found in results["toggles"].items():
        if name not in results["curves"]:
            continue
        last = list(results["curves"][name].values())[-1]
        axis.plot(found["total"] / 1e9, last["psnr_mean"], "o", color=COLOURS[name], label=name)
    axis.set(xlabel="toggles on the chip a digit, billions", ylabel="mean PSNR in dB")
    axis.margins(0.3)
    axis.legend(frameon=False, fontsize=8)
