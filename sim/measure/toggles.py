"""Toggles: how many bits of the chip's nets change from clock to clock, as Verilator's SAIF tells.

A stand-in for energy: charge moves where a bit changes. Nets are counted once a clock, when all has
settled, so that glitches are missing; the clock itself and what memories hold are not counted, and
a net that crosses a module's boundary counts on both sides.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from golden.device import Network, run
from golden.skeleton import Skeleton
from sim.devices.device import SimulatedDevice

__all__ = ["count", "net_toggles", "toggles"]

NET = re.compile(r"\(INSTANCE\s+(\S+)|\(TC (\d+)\)|([()])")

NAMED = re.compile(r"\((n\d+) \(T0 \d+\) \(T1 (\d+)\) [^\n]*?\(TC (\d+)\)")
"""A net of a mapped netlist: its name, how long it is 1, and its toggles."""

TOP = 2
"""Instances around a net of the top module: what Verilator calls TOP, and the top module."""


def toggles(path: Path | str) -> dict[str, int]:
    """Return the toggles in a SAIF file, by the instance right below the top module.

    Nets of the top module itself are under ''.
    """
    counts: dict[str, int] = {}
    depth, instances = 0, list[tuple[int, str]]()
    for match in NET.finditer(Path(path).read_text(encoding="utf-8")):
        name, count, bracket = match.groups()
        if name is not None:
            depth += 1
            instances.append((depth, name))
        elif count is not None:
            # A part whose name is a word of Verilog's ends with an underscore there.
            part = instances[TOP][1].removesuffix("_") if len(instances) > TOP else ""
            counts[part] = counts.get(part, 0) + int(count)
        elif bracket == "(":
            depth += 1
        else:
            if instances and instances[-1][0] == depth:
                instances.pop()
            depth -= 1
    return counts


def net_toggles(path: Path | str) -> dict[str, tuple[int, int]]:
    """Return toggles, and clocks at 1, of each net that `hw.asic.cells.net_name` has named."""
    text = Path(path).read_text(encoding="utf-8")
    return {name: (int(count), int(ones)) for name, ones, count in NAMED.findall(text)}


def count(
    skeleton: Skeleton,
    network: Network | None,
    state: np.ndarray,
    step: int,
    steps: int,
    *,
    filters: int = 5,
    progress: Callable[[str], None] = print,
) -> dict[str, int]:
    """Return the toggles of some steps of one lattice, by part of the chip, its openings included.

    ``state`` is the lattice after ``step``, int8 (channels, height, width). Loading and reading it
    are not counted.
    """
    chip = SimulatedDevice((skeleton,), filters=filters, traced=True, progress=progress)
    chip.load_states(state[None], step)
    chip.read_states()  # so that the load is over
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "steps.saif"
        with chip.trace(path):
            run(chip, network, steps)
        return toggles(path)
