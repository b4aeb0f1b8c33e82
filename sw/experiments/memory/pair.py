"""A pair: one skeleton restores, another one holds what was restored, side by side in one chip."""

from __future__ import annotations

from functools import partial
from typing import Any

from golden.compare import require_equal
from golden.device import run
from golden.machine import Machine, follow
from golden.pair import Pair
from golden.skeleton import SHIPPED
from sw.data.damage import blank
from sw.experiments.memory.batchwise import Batch, batchwise
from sw.experiments.memory.experiment import Experiment
from sw.experiments.memory.holding import FILES, HOLD, ON_CHIP, bars, carry, held
from sw.experiments.memory.tables import chip_line, score_cells
from sw.experiments.memory.task import Outcome, Results, Task, scores
from sw.report.docs import table
from sw.runs.loading import load_run

__all__ = ["EXPERIMENT", "measure", "tabulate"]

PAIR = ("digits-mend", "digits-hold")
"""The shipped skeletons: one restores, and mends where cells are lost; one holds what it shows."""

BESIDES = tuple(SHIPPED / skeleton / name for skeleton in PAIR for name in FILES)


def measure(task: Task) -> Outcome:
    """Return what `holding.measure` does, of the pair; the task's own skeleton is left out."""
    pair = Pair(*(Machine(*load_run(name)) for name in PAIR))
    found = batchwise(task, "pair", partial(hold, pair))
    results = {
        "rows": task.digits.rows,
        "digits": len(task.digits.images),
        "pair": [*PAIR],
        "blanked": scores(found["blanked"]),
        **held(found),
        "chip": on_chip(task, pair),
    }
    return Outcome(results, {})


def hold(pair: Pair, batch: Batch) -> None:
    """Restore a batch of digits and hold them, and lose cells on the way in runs of their own."""

    def show(name: str, step: int, states: Any) -> None:
        batch.look(name, pair.readout(states, step))

    carry(batch, pair, pair.encode(batch.damaged), show)


def on_chip(task: Task, pair: Pair) -> dict[str, Any] | None:
    """Run the pair on a chip that has both skeletons; every code must be equal."""
    if task.chip is None:
        return None
    chip, codes = task.chip(pair.first.skeleton, pair.second.skeleton), 0
    given = blank(task.digits.images[:ON_CHIP], range(ON_CHIP))
    stops = sorted({*HOLD, pair.change})
    seen = dict(follow(pair, pair.encode(given), 0, stops))
    with task.progress("the pair on the chip", len(given)) as advance:
        for index, image in enumerate(given):
            chip.choose(0)
            chip.load_images(image[None])
            network, now = pair.first.network, 0
            for step in stops:
                run(chip, network, step - now)
                want, place = seen[step][index : index + 1], f"lattice {{}}, step {step}"
                codes += require_equal(chip.read_states(), want, place, first=index)
                if step == pair.change:
                    shown = chip.read_images()
                    chip.choose(1)
                    chip.load_images(shown)
                    network = pair.second.network
                now = step
            advance(1)
    return {"lattices": len(given), "steps": HOLD[-1], "codes_equal": codes}


def tabulate(results: Results) -> str:
    """Return what the pair restores and holds."""
    first, second = results["pair"]
    rows = [("blanked", "", *score_cells(results["blanked"]))]
    for step, found in results["steps"].items():
        shows = first if int(step) == HOLD[0] else second
        rows.append((f"step {step}", f"`{shows}`", *score_cells(found)))
    for step, found in results["struck"].items():
        rows.append((f"cells lost after step {step}", f"`{second}`", *score_cells(found)))
    rows.append(("exactly at rest in the end", "", f"{results['at_rest']:.2f} %", "", ""))
    headings = ("", "shown by", "mean PSNR", "PSNR of mean", "read right")
    return table(headings, rows) + chip_line(results["chip"])


EXPERIMENT = Experiment(
    name="pair",
    version=1,
    measure=measure,
    bars=bars,
    tabulate=tabulate,
    draw=lambda outcome, folder: [],
    besides=BESIDES,
)
