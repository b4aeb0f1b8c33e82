"""Digits batch after batch: each batch's results are kept, so that a long run can be resumed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from golden.device import batches
from sw.data.damage import blank
from sw.experiments.memory.task import Task

__all__ = ["Batch", "batchwise"]

SIZE = 250
"""Digits in a batch."""

SHOWN = 10
"""Digits whose pictures are kept."""


class Batch:
    """What is found out about some of a task's digits."""

    def __init__(self, task: Task, part: slice) -> None:
        self.part = part
        self.indices = range(part.start, part.stop)
        self.task = task
        self.found: dict[str, np.ndarray] = {}
        self.damaged = blank(task.digits.images[part], self.indices)
        self.encoded = task.machine.model.encode(self.damaged)

    def look(self, name: str, images: np.ndarray) -> None:
        """Judge images of the digits, uint8 (n, 28, 28); of the first few keep them too."""
        self.found[name] = self.task.judge(images, self.part)
        if self.part.start == 0:
            self.found[f"shown {name}"] = images[:SHOWN]

    def show(self, name: str, states: np.ndarray) -> None:
        """Judge what the digits' lattices show."""
        self.look(name, self.task.machine.model.readout(states))


def batchwise(task: Task, label: str, work: Callable[[Batch], None]) -> dict[str, np.ndarray]:
    """Have all digits worked on, and return what was found by name, joined along the first axis."""
    count, parts = len(task.digits.images), []
    with task.progress(label, count) as advance:
        for part in batches(count, SIZE):

            def make(part: slice = part) -> dict[str, np.ndarray]:
                batch = Batch(task, part)
                work(batch)
                return batch.found

            parts.append(task.keep(f"{label} {part.start}".replace(" ", "-"), make))
            advance(part.stop - part.start)
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: np.concatenate([p[name] for p in parts if name in p]) for name in names}
