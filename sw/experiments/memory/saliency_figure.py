"""The figure of `saliency`: what speaks for a digit and against it, laid over the digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sw.experiments.memory.drawing import INK, figure
from sw.experiments.memory.task import Outcome

__all__ = ["draw"]


def draw(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the figure and return its path."""
    arrays = outcome.arrays
    names = [name for name in arrays if name.startswith("opening")]
    shown, path = arrays["shown"], folder / "saliency.png"
    size = (len(shown), len(names) * 1.15)
    with figure(path, rows=len(names), columns=len(shown), size=size, squeeze=False) as axes:
        for row, name in zip(axes, names, strict=True):
            limit = np.abs(arrays[name]).max()
            for axis, image, found in zip(row, shown, arrays[name], strict=True):
                margin = (2 * found.shape[0] - image.shape[0]) / 2
                edge = image.shape[0] + margin
                axis.imshow(
                    found, "RdBu_r", vmin=-limit, vmax=limit,
                    extent=(-margin, edge, edge, -margin), interpolation="nearest",
                )  # fmt: skip
                places = np.arange(image.shape[0]) + 0.5
                axis.contour(places, places, image, [arrays["ink"]], colors=INK, linewidths=0.9)
                axis.set(xticks=[], yticks=[])
                axis.grid(visible=False)
            row[0].set(ylabel=name)
    return [path]
