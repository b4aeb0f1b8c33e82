"""Saliency: how a digit's evidence changes with each part of the plane that the gate reads."""

from __future__ import annotations

import numpy as np
import torch

from golden.fixed import STATE
from golden.gate import GateNetwork
from golden.machine import Machine, follow
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.saliency_figure import draw
from sw.experiments.memory.task import Outcome, Results, Task
from sw.judge.referee import Referee, as_input
from sw.report.docs import table

__all__ = ["EXPERIMENT", "gradient", "measure", "tabulate"]

BLOCK = 2
"""Cells of a plane that are moved together, each way."""

NUDGE = 16
"""Codes by which they are moved up and down."""

INKED = 64
"""A pixel is ink from here on."""


def measure(task: Task) -> Outcome:
    """Find what the gate looks at in one digit of each class, at its first and its last opening."""
    spec, openings = task.machine.spec, first_and_last_opening(task.machine)
    labels = task.digits.labels
    assert labels is not None
    chosen = [int(np.flatnonzero(labels == digit)[0]) for digit in np.unique(labels)]
    starts = np.concatenate([task.encoded(slice(index, index + 1)) for index in chosen])
    looks = sorted({*(opening - 1 for opening in openings), spec.steps})
    seen = dict(follow(task.machine, starts, 0, looks))
    maps = {}
    with task.progress("saliency", len(openings) * len(chosen)) as advance:
        for opening in openings:
            found = []
            for state in seen[opening - 1]:
                found.append(
                    gradient(task.machine, task.gated, task.referee, state, opening, spec.steps)
                )
                advance(1)
            maps[opening] = np.stack(found)
    shown = task.machine.model.readout(seen[spec.steps])
    results = {
        "digits": len(chosen),
        "nudge": NUDGE,
        "openings": {
            str(opening): saliency_numbers(found, shown, task) for opening, found in maps.items()
        },
    }
    arrays = {f"opening {opening}": found for opening, found in maps.items()}
    return Outcome(results, {"shown": shown, "ink": np.array(INKED)} | arrays)


def first_and_last_opening(machine: Machine) -> list[int]:
    """Return the steps of a restoration after which the gate acts first and last."""
    spec = machine.spec
    assert spec.gate is not None
    openings = [step for step in range(1, spec.steps + 1) if spec.gate.is_open(step)]
    return sorted({openings[0], openings[-1]})


def saliency_numbers(maps: np.ndarray, shown: np.ndarray, task: Task) -> dict[str, float]:
    """Return how strong the gradients are, and how much of them lies on or beside ink."""
    rows, columns = task.machine.spec.window
    ink = np.zeros((len(shown), task.machine.spec.height, task.machine.spec.width), bool)
    ink[:, rows, columns] = shown >= INKED
    blocks = ink.reshape(len(ink), maps.shape[1], BLOCK, maps.shape[2], BLOCK).any(axis=(2, 4))
    weight = np.abs(maps)
    return {
        "strongest": round(float(weight.max()), 4),
        "weight_on_ink": round(float(100 * weight[blocks].sum() / max(weight.sum(), 1e-12)), 2),
        "blocks_with_ink": round(float(100 * blocks.mean()), 2),
    }


def gradient(
    machine: Machine,
    network: GateNetwork,
    referee: Referee,
    state: np.ndarray,
    opening: int,
    end: int,
) -> np.ndarray:
    """Return the gradient of a digit's evidence in the plane of one opening, by differences.

    Parameters
    ----------
    machine, network, referee
        Who restores, answers and reads. Evidence is the referee's logit of what it reads at last.
    state
        The lattice before step ``opening``, int8 (channels, height, width).
    opening
        A step after which the gate acts: what it then sees is nudged, nothing else.
    end
        Step after which the digit is read.

    Returns
    -------
    np.ndarray
        Logits for one code more in a block of the plane, float64 (height / 2, width / 2).
    """
    model, spec = machine.model, machine.spec
    written = model.step(state[None])
    plane = model.planes(written).astype(np.int64)
    rows, columns = spec.height // BLOCK, spec.width // BLOCK
    blocks = NUDGE * np.eye(rows * columns, dtype=np.int64).reshape(-1, rows, columns)
    nudges = blocks.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2).reshape(len(blocks), -1)
    planes = STATE.clamp(np.concatenate([plane + nudges, plane - nudges, plane])).astype(np.int8)
    states = written.repeat(len(planes), axis=0)
    model.add_deltas(states, network.deltas(planes), opening)
    *_, (_, ends) = follow(machine, states, opening, [end])
    with torch.inference_mode():
        logits = referee.classifier(as_input(model.readout(ends))).double().numpy()
    up, down = logits[:-1, logits[-1].argmax()].reshape(2, rows, columns)
    return np.asarray((up - down) / (2 * NUDGE))


def tabulate(results: Results) -> str:
    """Return how much of what the gate looks at is ink."""
    return table(
        ("opening", "strongest, logits a code", "weight on ink", "blocks with ink"),
        (
            (
                step,
                found["strongest"],
                f"{found['weight_on_ink']} %",
                f"{found['blocks_with_ink']} %",
            )
            for step, found in results["openings"].items()
        ),
    )


EXPERIMENT = Experiment(
    name="saliency",
    version=1,
    measure=measure,
    tabulate=tabulate,
    draw=draw,
    needs_gate=True,
)
