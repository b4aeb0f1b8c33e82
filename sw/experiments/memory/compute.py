"""Compute: multiply-accumulates of a restoration, what they buy, and bits that toggle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from golden.fixed import PIXEL
from golden.machine import Machine, follow
from golden.model import Model
from sw.experiments.memory.batchwise import Batch, batchwise
from sw.experiments.memory.compute_figure import draw
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.tables import score_cells
from sw.experiments.memory.task import Bar, Outcome, Results, Task, at_most, scores
from sw.judge.macs import count, network_macs
from sw.model.baselines.shelf import SHIPPED, load_shipped
from sw.report.docs import table

__all__ = ["EXPERIMENT", "bars", "measure", "tabulate"]

HELD = 200
"""Step after which a lattice counts as fallen: the toggles of one more step are those of rest."""

NAME = "autoencoder"
"""The baseline to compare with."""

BESIDES = (SHIPPED / f"{NAME}.safetensors",)
"""Weights that decide results besides the task's own."""

Worked = dict[str, int]


def measure(task: Task) -> Outcome:
    """Count what a restoration takes, with the gate and without, and judge each step of it."""
    spec = task.machine.spec
    machines = {"rule": Machine(task.skeleton, None), "rule and gate": task.machine}
    counted = counts(task.machine)
    curves = {name: quality(task, machine, counted) for name, machine in machines.items()}
    results = {
        "rows": task.digits.rows,
        "digits": len(task.digits.images),
        "macs": counted,
        "per_restoration": {name: curve[str(spec.steps)]["macs"] for name, curve in curves.items()},
        "curves": curves,
        "autoencoder": autoencoder(task),
        "toggles": count_toggles(task),
    }
    return Outcome(results, {})


def counts(machine: Machine) -> Worked:
    """Return the multiply-accumulates of each part of a restoration of one digit."""
    spec, network = machine.spec, machine.network
    assert network is not None
    model = Model(machine.skeleton, "torch")  # PyTorch counts what it computes itself
    states = np.zeros((1, *spec.lattice), np.int8)
    # The encoder multiplies a pixel with a weight a channel, which as a convolution is counted.
    pixels, weights = (
        torch.zeros(1, 1, spec.height, spec.width),
        torch.zeros(spec.channels, 1, 1, 1),
    )
    return {
        "encode": count(lambda: functional.conv2d(pixels, weights)),
        "step": count(lambda: model.step(states)),
        "opening": count(lambda: network.deltas(model.planes(states))),
        "readout": count(lambda: model.readout(states)),
    }


def quality(task: Task, machine: Machine, counted: Worked) -> dict[str, Any]:
    """Return scores after each step, and the multiply-accumulates up to there."""
    steps, gate = range(1, machine.spec.steps + 1), machine.gate

    def watch(batch: Batch) -> None:
        for step, states in follow(machine, batch.encoded, 0, steps):
            batch.show(f"step {step}", states)

    curve = {}
    name = "rule" if gate is None else "rule and gate"
    found = batchwise(task, name, watch)
    for step in steps:
        openings = 0 if gate is None else gate.openings(0, step)
        work = counted["encode"] + step * counted["step"] + counted["readout"]
        told = {"macs": work + openings * counted["opening"]}
        curve[str(step)] = told | scores(found[f"step {step}"])
    return curve


def autoencoder(task: Task) -> dict[str, Any] | None:
    """Return work and scores of the shipped auto-encoder; None where none is shipped."""
    if not BESIDES[0].is_file():
        return None
    network = load_shipped(NAME)

    def restore(batch: Batch) -> None:
        with torch.inference_mode():
            pixels = torch.from_numpy(batch.damaged).unsqueeze(1) / PIXEL.max
            restored = (PIXEL.max * network(pixels)).round_().clamp_(PIXEL.min, PIXEL.max)
        batch.look("restored", restored.squeeze(1).to(torch.uint8).numpy())

    found = batchwise(task, NAME, restore)["restored"]
    return {"macs": network_macs(network)} | scores(found)


def count_toggles(task: Task) -> dict[str, Any] | None:
    """Return the toggles on the chip of one restoration, and of a step of a digit that has fallen.

    The gate works on the host: its own toggles are not among them.
    """
    if task.toggles is None:
        return None
    spec, states = task.machine.spec, task.encoded(slice(0, 1))
    *_, (_, fallen) = follow(task.machine, states, 0, [HELD])
    runs = (
        ("rule", None, states, 0, spec.steps),
        ("rule and gate", task.network, states, 0, spec.steps),
        ("a step of a fallen digit", task.network, fallen, HELD, 1),
    )
    found = {}
    with task.progress("toggles", sum(steps for *_, steps in runs)) as advance:
        for name, network, start, step, steps in runs:
            parts = task.toggles(task.skeleton, network, start[0], step, steps)
            found[name] = {"steps": steps, "total": sum(parts.values()), "by_part": parts}
            advance(steps)
    return found


def bars(results: Results) -> list[Bar]:
    """Return what a restoration may take."""
    name = "multiply-accumulates of a digit, rule alone"
    return [at_most(name, results["per_restoration"]["rule"] / 1e6, 21, " M")]


def tabulate(results: Results) -> str:
    """Return what a restoration takes and what it reaches."""
    rows = []
    for name, curve in results["curves"].items():
        last = list(curve.values())[-1]
        bits = "" if results["toggles"] is None else f"{results['toggles'][name]['total']:,}"
        rows.append((name, f"{last['macs'] / 1e6:.2f} M", bits, *score_cells(last)))
    if (other := results["autoencoder"]) is not None:
        rows.append(("auto-encoder", f"{other['macs'] / 1e6:.2f} M", "", *score_cells(other)))
    told = table(
        ("", "multiply-accumulates", "toggles on chip", "mean PSNR", "PSNR of mean", "read right"),
        rows,
    )
    parts = results["macs"]
    told += "\n" + table(parts, [[f"{work:,}" for work in parts.values()]])
    if (toggles := results["toggles"]) is None:
        return told
    rest = toggles["a step of a fallen digit"]["total"]
    step = toggles["rule and gate"]["total"] / toggles["rule and gate"]["steps"]
    return told + (
        f"\nA step of a digit that has come to lie toggles {rest:,} bits, {rest / step:.0%} of the "
        f"{step:,.0f} of a step of its fall.\n"
    )


EXPERIMENT = Experiment(
    name="compute",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
    needs_gate=True,
    besides=BESIDES,
)
