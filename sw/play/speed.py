"""Speed of the page's engine, and of golden at the same work: one lattice at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from golden.device import GoldenDevice, restore
from golden.files import read_json
from golden.skeleton import find
from golden.speed import rate
from golden.tools import call
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.play import PAGE
from sw.runs.loading import load_run

__all__ = ["measure"]

SKELETON = "digits"
DIGITS = 8


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure gated digits one by one, on the page's engine under node and on golden.

    Returns no numbers where there is no node; ``say`` takes a line about that.
    """
    node = shutil.which("node")
    if node is None:
        say("node is not installed: the page's engine is not measured")
        return {}
    with TemporaryDirectory() as folder:
        output = Path(folder) / "speed.json"
        program, skeleton = str(PAGE.parent / "speed.mjs"), str(find(SKELETON))
        call([node, program, skeleton, str(output)], Path(folder) / "node.log")
        found: dict[str, Any] = read_json(output)
    return found | {"golden_digits_per_second_one_by_one": golden_rate()}


def golden_rate() -> float:
    """Return golden's gated digits a second, each a batch of its own."""
    skeleton, network = load_run(SKELETON)
    device = GoldenDevice((skeleton,), contexts=1)
    damaged = blank(show_digits()[0][:DIGITS], range(DIGITS))
    return rate(lambda: restore(device, network, damaged, skeleton.spec.steps), DIGITS)
