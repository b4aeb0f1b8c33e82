"""The pictures of docs/first-look.md, drawn from runs of the shipped skeletons on golden.

``thalweg docs --pictures`` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from golden.machine import Machine
from golden.skeleton import Skeleton, find
from sw.data.damage import blank, block, noisy
from sw.data.load import show_digits
from sw.data.noise import KINDS, noise_lattice
from sw.data.protocol import SHARE
from sw.report.pictures import sheet
from sw.restore.png import write_png
from sw.runs.loading import load_run

__all__ = ["FOLDER", "PICTURES", "draw"]

FOLDER = "first-look"
"""Folder below docs."""

STEPS = (0, 1, 2, 4, 7, 10)
"""Steps that a picture shows."""


def draw(docs: Path) -> list[Path]:
    """Draw all pictures below ``docs``; return their paths."""
    paths = []
    for name, picture in PICTURES.items():
        paths.append(docs / FOLDER / f"{name}.png")
        write_png(paths[-1], picture())
    return paths


def machine(name: str, *, gated: bool = True) -> Machine:
    """Return a shipped skeleton, with its gate or alone."""
    skeleton, network = load_run(name)
    return Machine(skeleton, network if gated else None)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first show digits, whole and damaged."""
    images = show_digits()[0][:count]
    return images, blank(images, range(count), SHARE)


def shade(codes: np.ndarray) -> np.ndarray:
    """Return int8 codes as grey levels: -128 black, 0 grey, 127 white."""
    return (codes.astype(np.int16) + 128).astype(np.uint8)


def widen(images: np.ndarray, side: int) -> np.ndarray:
    """Return square images in the middle of black ones as large as a lattice."""
    edge = (side - images.shape[-1]) // 2
    return np.pad(images, [(0, 0), (edge, edge), (edge, edge)])


def draw_skeleton() -> np.ndarray:
    """Draw the kernels of `digits`: a column for each channel, a row for each of its filters."""
    skeleton = Skeleton.load(find("digits"))
    spec = skeleton.spec
    kernels = shade(skeleton.perceive.weight).reshape(spec.channels, spec.multiplier, 3, 3)
    return sheet({str(channel): each for channel, each in enumerate(kernels)}, scale=12)


def draw_steps() -> np.ndarray:
    """Draw a digit on its way: what the lattice shows, and some of its channels, step by step."""
    runner, (_, damaged) = machine("digits"), digits(3)
    states = [runner.model.encode(damaged[2:3])]
    states += runner.run(states[0], max(STEPS))
    chosen = np.concatenate([states[step] for step in STEPS])
    columns = {"shown": widen(runner.model.readout(chosen), runner.spec.height)}
    columns |= {f"channel {c}": shade(chosen[:, c]) for c in (0, 1, 2, 3, 7, 11)}
    return sheet(columns, scale=2)


def draw_gate() -> np.ndarray:
    """Draw what the gate reads and answers at one opening, and a restoration without it."""
    runner, (images, damaged) = machine("digits"), digits(5)
    gate, side = runner.spec.gate, runner.spec.height
    assert gate is not None
    opening = gate.next_opening(gate.start)
    moments = runner.moments(runner.carry_on(runner.model.encode(damaged), opening - 1), opening)
    (_, before), (_, deltas), _ = ((what, np.array(codes)) for what, codes in moments)
    answers = shade(deltas).reshape(-1, side // 2, side // 2).repeat(2, axis=1).repeat(2, axis=2)
    columns = {"damaged": widen(damaged, side)}
    columns["plane"] = shade(before[:, gate.input_channel])
    columns["its delta"] = answers
    for heading, gated in (("with it", True), ("without", False)):
        one = machine("digits", gated=gated)
        after = one.carry_on(one.model.encode(damaged), one.spec.steps)
        columns[heading] = widen(one.model.readout(after), side)
    return sheet(columns | {"original": widen(images, side)}, scale=2)


def draw_difference() -> np.ndarray:
    """Draw where lattices differ of which one code was changed by 1: alone, and with the gate."""
    _, damaged = digits(3)
    rows = []
    for gated in (False, True):
        runner = machine("digits", gated=gated)
        first = runner.model.encode(damaged[2:3])
        other = first.copy()
        other[0, 0, runner.spec.height // 2, runner.spec.width // 2] += 1
        runs = zip(runner.run(first, max(STEPS)), runner.run(other, max(STEPS)), strict=True)
        rows.append([np.where((a != b).any(axis=1)[0], 255, 0) for a, b in runs])
    maps = np.array(rows, np.uint8)
    return sheet({f"step {step}": maps[:, step - 1] for step in range(1, max(STEPS) + 1)}, scale=2)


def draw_damage() -> np.ndarray:
    """Draw damage of other kinds than the trained one, and what `digits` makes of it."""
    runner, (images, damaged) = machine("digits"), digits(5)
    columns = {"original": images}
    kinds = {
        "blanked": damaged,
        "a block": block(images, 10),
        "noise": noisy(images, range(len(images)), 40.0),
    }
    for name, given in kinds.items():
        after = runner.carry_on(runner.model.encode(given), runner.spec.steps)
        columns |= {name: given, "restored" + " " * len(columns): runner.model.readout(after)}
    return sheet(columns, scale=2)


def draw_memory() -> np.ndarray:
    """Draw noise that falls into digits, and stays."""
    runner = machine("digits-memory")
    lattices = (
        noise_lattice(runner.spec, np.random.default_rng(seed), seed % len(KINDS))
        for seed in range(6)
    )
    starts = np.stack(list(lattices))
    states = [starts, *runner.run(starts, 100)]
    looks = (0, 2, 5, 10, 20, 50, 100)
    return sheet({f"step {look}": runner.model.readout(states[look]) for look in looks}, scale=2)


PICTURES: Mapping[str, Callable[[], np.ndarray]] = {
    "skeleton": draw_skeleton,
    "steps": draw_steps,
    "gate": draw_gate,
    "difference": draw_difference,
    "damage": draw_damage,
    "memory": draw_memory,
}
"""How each picture is drawn, by its name."""
