"""How figures look: one style, greys and one accent that print well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golden.files import replacement

__all__ = ["ACCENT", "DIGITS", "INK", "figure"]

INK, ACCENT = "#333333", "#c1440e"
DIGITS = range(10)
STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.alpha": 0.25,
    "image.cmap": "gray",
    "savefig.bbox": "tight",
}


@contextmanager
def figure(
    path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (7, 3), **grid: Any
) -> Iterator[Any]:
    """Give a grid of axes, and write them to ``path`` as PNG once the block is through."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        drawn, axes = pyplot.subplots(rows, columns, figsize=size, layout="constrained", **grid)
        try:
            yield axes
            with replacement(path) as temporary:
                drawn.savefig(temporary, dpi=130, format="png", metadata={"Software": None})
        finally:
            pyplot.close(drawn)
