"""The figures of `damage`: what is read right, by share and step, and under faulty memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sw.experiments.memory.drawing import ACCENT, INK, figure
from sw.experiments.memory.task import Outcome
from sw.report.pictures import sheet
from sw.restore.png import write_png

__all__ = ["draw"]

SHOWN = (1, 3, 5, 9)
"""Steps whose curves are drawn."""

KINDS = {"flips": "flips a bit and step", "channel": "channel stuck at 0", "rows": "dead rows"}
"""What stands below the panel of each kind of fault."""


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figures and return their paths."""
    results, arrays = outcome
    paths = [folder / f"{name}.png" for name in ("damage", "damage-memory", "damage-digits")]
    with figure(paths[0], columns=2) as axes:
        for axis, key, label in zip(
            axes, ("psnr_mean", "digit_id"), ("mean PSNR in dB", "read right in %"), strict=True
        ):
            shares = [100 * float(share) for share in results["lost"]]
            for step, shade in zip(SHOWN, np.linspace(0.75, 0.0, len(SHOWN)), strict=True):
                values = [steps[str(step)][key] for steps in results["lost"].values()]
                axis.plot(shares, values, "o-", color=str(shade), label=f"after step {step}")
            axis.set(xlabel="cells lost in %", ylabel=label)
        axes[0].legend(frameon=False, fontsize=8)
    draw_faults(results, paths[1])
    write_png(paths[2], sheet(arrays))
    return paths


def draw_faults(results: dict[str, Any], path: Path) -> None:
    """Draw what is read right under each fault of the memory."""
    faults, whole = results["faults"], results["whole"]["digit_id"]
    with figure(path, columns=3, size=(9, 2.8), sharey=True) as axes:
        for axis, (kind, label) in zip(axes, KINDS.items(), strict=True):
            found = {n.split()[1]: s["digit_id"] for n, s in faults.items() if n.startswith(kind)}
            axis.axhline(whole, color=ACCENT, linewidth=1)
            axis.plot(range(len(found)), list(found.values()), "o", color=INK)
            axis.set(xticks=range(len(found)), xticklabels=list(found), xlabel=label, ylim=(0, 103))
            axis.tick_params(axis="x", labelsize=7)
        axes[0].set(ylabel="read right in %")
