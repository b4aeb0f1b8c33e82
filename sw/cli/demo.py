"""The verb demo: digits on the simulated chip, and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import Filters, Subject, open_device, progress

__all__ = ["demo"]


def demo(
    subject: Subject = "digits",
    images: Annotated[int, typer.Option(min=1, max=100, help="show digits to restore")] = 20,
    output: Annotated[Path, typer.Option(help="folder for restored.png and report.json")] = Path(
        "build/demo"
    ),
    filters: Filters = 5,
) -> None:
    """Restore damaged digits on the simulated chip, and compare every code with golden.

    \b
    thalweg demo
    thalweg demo digits --images 100 --filters 1
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.restore.demo import demonstrate
    from sw.runs.loading import load_run
    from sw.runs.writable import require_writable

    skeleton, network = load_run(subject)
    require_writable(output / "restored.png", output / "report.json")
    chip = open_device("simulated", (skeleton,), filters)
    with progress("restoring", images) as advance:
        demonstrate(chip, skeleton, network, images, output, progress=advance)
