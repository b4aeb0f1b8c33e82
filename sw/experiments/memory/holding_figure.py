"""The figure of `holding`: closeness against steps, and what ten digits look like meanwhile."""

from __future__ import annotations

from pathlib import Path

from sw.experiments.memory.drawing import ACCENT, INK, figure
from sw.experiments.memory.task import Outcome
from sw.report.pictures import sheet
from sw.restore.png import write_png

__all__ = ["draw"]


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figure and the picture sheet, and return their paths."""
    results, arrays = outcome
    later = int(arrays["later"])
    curve, digits = folder / "holding.png", folder / "holding-digits.png"
    with figure(curve, columns=2) as axes:
        for axis, key, label in zip(
            axes, ("psnr_mean", "digit_id"), ("mean PSNR in dB", "read right in %"), strict=True
        ):
            steps = {int(step): scores[key] for step, scores in results["steps"].items()}
            struck = {int(step) + later: scores[key] for step, scores in results["struck"].items()}
            axis.plot(list(steps), list(steps.values()), "o-", color=INK, label="left alone")
            lost = f"{results['share_of_cells']:.0%} of the cells lost ten steps before"
            axis.plot(list(struck), list(struck.values()), "x", color=ACCENT, label=lost)
            axis.set(xscale="log", xticks=list(steps), xticklabels=list(steps))
            axis.set(xlabel="step", ylabel=label)
            axis.minorticks_off()
        axes[0].legend(frameon=False, fontsize=8)
    names = ["blanked", *(f"step {step}" for step in results["steps"])]
    names += [f"struck {step}" for step in results["struck"]]
    columns = {"original": arrays["originals"]}
    write_png(digits, sheet(columns | {name: arrays[f"shown {name}"] for name in names}, 2))
    return [curve, digits]
