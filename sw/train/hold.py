"""A batch that teaches to hold what was restored: fresh digits, noise, and states of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from golden.fixed import STATE
from sw.model.step import TrainingMachine
from sw.train.draw import draw, living_cells, lost_cells, noise_states, random
from sw.train.first import LOST
from sw.train.learner import Learner
from sw.train.losses import UNIT, Loss, closeness, overflow, squared_error
from sw.train.medoids import medoids
from sw.train.options import Options
from sw.train.pool import Pool, Prototypes

__all__ = ["AGED", "begin_holding", "hold"]

POOL = 8  # batches of states
FRESH, YOUNG, NOISE, MOTION_SQUARED = 12.0, 1.0, 0.4, 0.1  # weights in the loss; the pool has 1
FREE_MOTION = 1.0  # price on motion in float, and of young states
AGED = (50, 150)  # steps between which the price on motion rises
STRIDE = 10  # steps that states of the pool are carried on, or as near as the gate's period lets
NOISE_KEPT, DIGIT_KEPT = 1 / 160, 1 / 100  # states of each that a state of a batch gives the pool
FEW = 0.2  # share of the fresh digits that lose cells in mid-run, and as many after the last step
STRETCHED, STRETCH = 0.5, 1.5  # share of the batches in which held states take longer steps
DISTURBANCE = 3.0  # codes, largest deviation of the noise on a third of the pool


@dataclass(frozen=True)
class Lesson:
    """What the parts of a batch of holding have in common."""

    learner: Learner
    machine: TrainingMachine
    images: np.ndarray
    options: Options
    rng: np.random.Generator

    @classmethod
    def of(
        cls, learner: Learner, images: np.ndarray, options: Options, stage: str, batch: int
    ) -> Lesson:
        """Return the lesson of a batch."""
        rng = random(options, stage, batch)
        return cls(learner, learner.machine(options.dropout), images, options, rng)


def consecutive(**counts: int) -> dict[str, slice]:
    """Return the rows of groups that lie one after another, so many in each, by their names."""
    edges = pairwise(accumulate(counts.values(), initial=0))
    return {name: slice(*ends) for name, ends in zip(counts, edges, strict=True)}


@dataclass(frozen=True)
class Fresh:
    """Digits just encoded, then noise, after the steps of a run."""

    states: Tensor
    targets: Tensor
    digits: int
    few: int
    """Digits that lost cells in mid-run, the first ones; as many after them lose some now."""
    shown: Sequence[Tensor] = ()
    """What digits showed after each step but the last, where every step is supervised."""


def run_fresh(lesson: Lesson, digits: int, noise: int) -> Fresh:
    """Run digits and noise; what noise shall become is chosen at its first or second opening."""
    machine, options, rng = lesson.machine, lesson.options, lesson.rng
    prototypes, spec = lesson.learner.prototypes, machine.spec
    assert prototypes is not None
    originals, damaged = draw(lesson.images, options, rng, digits)
    lattices = torch.from_numpy(noise_states(spec, rng, noise)).to(originals.device)
    states = torch.cat([machine.encode(damaged), lattices])
    targets = torch.cat([originals, torch.zeros_like(originals[:1]).expand(noise, -1, -1)])
    lost_after, few = int(rng.integers(4, 7)), max(1, round(FEW * digits))
    living = living_cells(spec, digits + noise, few, options.device)
    channel, shown = spec.gate.input_channel if spec.gate else 0, []
    for step in range(1, spec.steps + 1):
        states = machine.advance(states, step)
        if options.supervise == "every" and step < spec.steps:
            shown.append(machine.readout(states[:digits]))
        if step == min(4, spec.steps):
            chosen = prototypes.assign(states[digits:, channel], spec)
            targets[digits:] = prototypes.images[chosen]
        if step == lost_after:
            states = states * living
    return Fresh(states, targets, digits, few, shown)


def begin_holding(
    learner: Learner, images: np.ndarray, labels: np.ndarray, options: Options
) -> None:
    """Give the learner its prototypes, and a pool half of digits and half of noise."""
    spec, count = learner.rule.spec, POOL * options.batch
    learner.prototypes = Prototypes.of(medoids(images, labels).to(options.device))
    learner.pool = pool = Pool(
        states=torch.zeros(count, *spec.lattice, device=options.device),
        targets=torch.zeros(count, spec.image, spec.image, device=options.device),
        ages=torch.full((count,), 1 << 30, device=options.device),
        open=torch.zeros(count, dtype=torch.bool, device=options.device),
    )
    half = options.batch // 2
    with torch.no_grad():
        lesson = Lesson.of(learner, images, options, "hold", 1 << 30)
        for _ in range(0, count, 2 * half):
            fresh = run_fresh(lesson, half, half)
            for rows, of_noise in ((slice(half), False), (slice(half, None), True)):
                states, targets = fresh.states[rows], fresh.targets[rows]
                pool.put(states, targets, spec.steps, of_noise, lesson.rng)


def stride(options: Options) -> int:
    """Return the steps that the pool is carried on: whole periods of the gate."""
    period = options.spec.gate.period if options.spec.gate else 1
    return max(period, STRIDE // period * period)


def agedness(ages: Tensor) -> Tensor:
    """Return how far states of these ages (n,) count as aged: from 0 to 1."""
    young, aged = AGED
    return ((ages - young) / (aged - young)).clamp(0.0, 1.0)


def price_of_motion(learner: Learner, ages: Tensor, options: Options) -> Tensor:
    """Return the price (n,) for states of these ages.

    Low in float and for young states; for aged ones it rises over the first third of ``qat``.
    """
    # A site that counts to its limit pays as much for each code at any pace, so that with one
    # price for all it would be slow, and not at rest for hundreds of steps.
    quantised = learner.stage == "qat"
    risen = min(1.0, 3 * learner.batch / options.stages()["qat"]) if quantised else 0.0
    return FREE_MOTION + (options.motion - FREE_MOTION) * risen * agedness(ages)


def hold(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring, of holding what the pool holds, of motion at rest, of nearing limits.

    Of a batch, half are states of the pool, a tenth is noise, the rest fresh digits.
    """
    assert learner.pool is not None
    lesson = Lesson.of(learner, images, options, learner.stage, learner.batch)
    held, noise = options.batch // 2, max(1, options.batch // 10)
    fresh = run_fresh(lesson, options.batch - held - noise, noise)
    errors = squared_error(lesson.machine.readout(fresh.states), fresh.targets)
    digits, starts = errors[: fresh.digits], errors[fresh.digits :]
    earlier = [squared_error(shown, fresh.targets[: fresh.digits]) for shown in fresh.shown]
    close = torch.stack([closeness(each, options) for each in (*earlier, digits)]).mean()
    # Of all but fresh digits plain errors: on a logarithmic scale those that have gone wrong would
    # hardly count.
    value = FRESH * close + NOISE * starts.mean() + overflow(fresh.states)
    value = value + holding(lesson, held, fresh)
    for share_kept, last, of_noise in (
        (NOISE_KEPT, len(errors), True),
        (DIGIT_KEPT, fresh.digits, False),
    ):
        rows = slice(last - int(share_kept * options.batch + lesson.rng.random()), last)
        states, targets = fresh.states[rows], fresh.targets[rows]
        learner.pool.put(states, targets, lesson.machine.spec.steps, of_noise, lesson.rng)
    return Loss(value, digits)


@dataclass(frozen=True)
class Held:
    """States that are carried on together: young ones of this batch, then some of the pool."""

    states: Tensor
    targets: Tensor
    young: int
    """How many of them are this batch's."""
    rows: Tensor
    """Of the others, in the pool."""
    group: dict[str, slice]
    """What is done to which: ``lost_before``, ``lost_now``, ``disturbed`` and ``still``."""


def choose_held(lesson: Lesson, count: int, fresh: Fresh) -> Held:
    """Choose ``count`` states of the pool and put the fresh digits that lose cells before them.

    Of the pool's, a third loses cells, a third is disturbed, and the last third is left alone. Of
    the fresh ones, some lost cells in mid-run and as many lose them only now.
    """
    pool, few, third = lesson.learner.pool, fresh.few, count // 3
    assert pool is not None
    chosen = lesson.rng.permutation(len(pool.ages))[:count]
    rows = torch.from_numpy(chosen).to(pool.states.device)
    states = torch.cat([fresh.states[: 2 * few].detach(), pool.states[rows]])
    targets = torch.cat([fresh.targets[: 2 * few], pool.targets[rows]])
    group = consecutive(
        lost_before=few, lost_now=few + third, disturbed=third, still=count - 2 * third
    )
    return Held(disturb(states, group, lesson.machine), targets, 2 * few, rows, group)


def holding(lesson: Lesson, count: int, fresh: Fresh) -> Tensor:
    """Carry ``count`` states of the pool on; return the loss of what they show and how they move.

    What lost cells has half of the steps to get over it; what is left alone shall not move at all.
    """
    learner, machine, options = lesson.learner, lesson.machine, lesson.options
    pool, prototypes, spec = learner.pool, learner.prototypes, machine.spec
    assert pool is not None and prototypes is not None
    held = choose_held(lesson, count, fresh)
    states, targets, young, still = held.states, held.targets, held.young, held.group["still"]
    value, motion, steps = states.new_zeros(()), states.new_zeros(()), stride(options)
    price = price_of_motion(learner, pool.ages[held.rows[still.start - young :]], options)
    # What rests in longer steps rests in usual ones with a margin; what is shown must be right in
    # usual ones.
    if lesson.rng.random() < STRETCHED:
        machine = machine.stretched(STRETCH)
    whole = slice(held.group["disturbed"].start, None)  # what has lost no cells
    for step in range(1, steps + 1):
        before = states
        states = machine.advance(states, spec.steps + step)
        change = (states - before)[still] / UNIT
        motion = motion + (price * change.abs().mean((1, 2, 3))).mean()
        motion = motion + MOTION_SQUARED * change.square().mean() + overflow(states)
        shown = machine.readout(states)
        errors = squared_error(shown, targets)
        if 2 * step >= steps:
            value = value + YOUNG * closeness(errors[:young], options) + errors[young:].mean()
        else:
            value = value + errors[whole].mean()
    # What has lost cells is not carried on: a repeatedly damaged digit cannot be recovered, and a
    # rule that is trained to recover it all the same learns to make the mean of its class.
    rows = held.rows[whole.start - young :]
    apart = states.new_zeros(())
    if options.forget:
        weights = agedness(pool.ages[rows])
        deviations = prototypes.deviations(states[whole], targets[whole], weights)
        apart = options.forget * deviations.mean() / UNIT**2
    pool.carry(rows, states[whole], shown[whole], steps, prototypes)
    return (value + motion) / steps + apart


def disturb(states: Tensor, group: dict[str, slice], machine: TrainingMachine) -> Tensor:
    """Take cells from some states and add noise to others."""
    spec, device = machine.spec, states.device
    lost, disturbed = group["lost_now"], group["disturbed"]
    states[lost] *= lost_cells(spec, lost.stop - lost.start, LOST, device)
    count = disturbed.stop - disturbed.start
    deviation = DISTURBANCE * torch.rand(count, 1, 1, 1, device=device)
    noise = torch.randn(count, *spec.lattice, device=device) * deviation
    states[disturbed] += noise.round() if machine.exact else noise
    return states.clamp(STATE.min, STATE.max)
