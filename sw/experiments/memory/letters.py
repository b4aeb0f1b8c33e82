"""Letters: gates trained anew on letters, the skeleton untouched: what they learnt, what they kept.

A gate lies beside its skeleton as ``gate-LETTERS-NAME.safetensors``. `ONLY` is the one that was
trained on letters alone, digits given up: the measure of what letters can reach on this skeleton.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.device import batches
from golden.gate import GateNetwork
from golden.machine import Machine, follow
from sw.data.damage import blank
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.letters_figure import draw
from sw.experiments.memory.task import Bar, Outcome, Results, Task, at_most, scores
from sw.judge.evaluate import Judged
from sw.judge.metrics import closeness
from sw.report.docs import table

__all__ = ["EXPERIMENT", "ONLY", "bars", "measure", "tabulate"]

ONLY = "only"
BATCH = 250
EXAMPLES = 10  # letters that are shown


def measure(task: Task) -> Outcome:
    """Restore letters and digits with each gate, the digits' own included."""
    assert task.letters is not None and task.letters.labels is not None
    gates = {"own": task.gated, **task.gates}
    some = spread(task.letters.labels, EXAMPLES)
    found, arrays = {}, {"letters": task.letters.images[some]}
    total = len(gates) * (len(task.letters.images) + len(task.digits.images))
    with task.progress("letters", total) as advance:
        for name, network in gates.items():
            letters = restore_letters(task, network, task.letters, advance)
            digits = restore_letters(task, network, task.digits, advance)
            found[name] = {
                "letters": closeness(letters, task.letters.images).to_json(),
                "digits": scores(task.judge(digits, slice(0, len(digits)))),
            }
            arrays[f"{name}: letters"] = letters[some]
    results = {
        "letters": {"set": task.letters.rows, "count": len(task.letters.images)},
        "digits": {"set": task.digits.rows, "count": len(task.digits.images)},
        "skeleton_digest": task.skeleton.digest,
        "gates": found,
    }
    return Outcome(results, arrays)


def spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the first row of each of ``count`` labels, taken evenly from all there are."""
    first = np.unique(labels, return_index=True)[1]
    return first[np.arange(count) * len(first) // count]


def restore_letters(task: Task, network: GateNetwork, given: Judged, advance: Any) -> np.ndarray:
    """Return what blanked images become with a gate."""
    machine, shown = Machine(task.skeleton, network), []
    for batch in batches(len(given.images), BATCH):
        damaged = blank(given.images[batch], range(batch.start, batch.stop))
        states = machine.model.encode(damaged)
        *_, (_, end) = follow(machine, states, 0, [machine.spec.steps])
        shown.append(machine.model.readout(end))
        advance(batch.stop - batch.start)
    return np.concatenate(shown)


def bars(results: Results) -> list[Bar]:
    """Return what a gate has to learn and to keep, for each one that was to do both."""
    gates, table = results["gates"], []
    own, only = gates["own"]["digits"], gates.get(ONLY)
    for name, found in gates.items():
        if name in ("own", ONLY):
            continue
        if only is not None:
            below = only["letters"]["psnr_mean"] - found["letters"]["psnr_mean"]
            table.append(at_most(f"{name}: letters below those of letters only", below, 1, " dB"))
        lost = {key: own[key] - found["digits"][key] for key in ("psnr_mean", "digit_id")}
        table.append(at_most(f"{name}: digits below their own gate", lost["psnr_mean"], 0.5, " dB"))
        table.append(at_most(f"{name}: fewer digits read right", lost["digit_id"], 1, " points"))
    return table


def tabulate(results: Results) -> str:
    """Return what each gate restores of letters and of digits."""
    told = table(
        ("gate", "letters, mean PSNR", "digits, mean PSNR", "digits read right"),
        (
            (
                name,
                f"{found['letters']['psnr_mean']:.2f} dB",
                f"{found['digits']['psnr_mean']:.2f} dB",
                f"{found['digits']['digit_id']:.2f} %",
            )
            for name, found in results["gates"].items()
        ),
    )
    told += "\n![Digits and letters with each gate](memory/letters.png)\n"
    return told + "![Letters as each gate restores them](memory/letters-shown.png)\n"


EXPERIMENT = Experiment(
    name="letters",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=draw,
    needs_gate=True,
    needs_letters=True,
)
