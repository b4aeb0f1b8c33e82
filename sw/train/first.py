"""A skeleton that restores first: what it makes of damaged digits is given to the one in training.

The two are a pair: one restores, the other holds what was restored. So that the second one can mend
what the first has no time to, some of the first one's lattices lose cells on the way.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from golden.device import GoldenDevice, restore
from golden.errors import InputError
from golden.machine import Machine
from golden.spec import Spec
from sw.runs.loading import load_run
from sw.train.options import Options

__all__ = ["LOST", "first_machine", "lost_after", "require_first", "restore_first", "restore_whole"]

HURT = 0.4
"""Share of the digits whose lattices lose cells on the way."""

LOST = (0.25, 0.35)
"""Share of the cells, wherever training loses some."""


def lost_after(spec: Spec, rng: np.random.Generator) -> int:
    """Draw the step, but the last, after which cells are lost.

    The later of two: the less time is left, the more there is to learn.
    """
    return int(rng.integers(1, spec.steps, size=2).max())


@cache
def first_machine(name: str) -> Machine:
    """Return the machine of that name; it stays as it is."""
    return Machine(*load_run(name))


def require_first(options: Options) -> None:
    """Raise `InputError` unless the skeleton that restores first is there, for such images."""
    if options.after is None:
        return
    size, wanted = first_machine(options.after).spec.image, options.spec.image
    if size != wanted:
        raise InputError(
            f"after must be a skeleton for images of {wanted} x {wanted}, "
            f"not {options.after}, for {size} x {size}"
        )


def restore_whole(name: str, damaged: np.ndarray) -> np.ndarray:
    """Return what the skeleton of that name restores of damaged images, uint8 (n, image, image)."""
    machine = first_machine(name)
    device = GoldenDevice((machine.skeleton,))
    return restore(device, machine.network, damaged, machine.spec.steps)


def restore_first(
    damaged: Tensor, options: Options, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return what shall be held, and what is given, pixel codes (n, image, image).

    They are what the first skeleton restores. What is given of the last digits, a share of `HURT`,
    is what it restores where cells are lost after one of its steps but the last.
    """
    assert options.after is not None
    machine = first_machine(options.after)
    spec, count = machine.spec, round(HURT * len(damaged))
    states = machine.model.encode(damaged.cpu().numpy().astype(np.uint8))
    after = lost_after(spec, rng)
    states = machine.carry_on(states, after)
    share = rng.uniform(*LOST, size=(count, 1))
    living = rng.random((count, spec.cells)).argsort(axis=1) >= share * spec.cells
    living = living.reshape(count, 1, spec.height, spec.width)
    hurt = np.where(living, states[len(states) - count :], np.int8(0))
    ends = machine.carry_on(np.concatenate([states, hurt]), spec.steps - after, after)
    shown = torch.from_numpy(machine.model.readout(ends)).float().to(damaged.device)
    wanted, mended = shown[: len(damaged)], shown[len(damaged) :]
    return wanted, torch.cat([wanted[: len(wanted) - count], mended])
