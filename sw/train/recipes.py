"""What a batch learns: to restore in the steps given, or also to hold what was restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from golden.fixed import STATE
from sw.model.step import Numbers, advance, lay, numbers, pixels, respond
from sw.runs.processes import share
from sw.train.draw import draw, lost_cells, noise_states, random
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.pool import Pool, Prototypes, medoids
from sw.train.teacher import aim

__all__ = [
    "AGED",
    "LOST",
    "Loss",
    "begin_holding",
    "fallen",
    "hold",
    "relearn",
    "restore",
    "restored",
]

POOL = 8  # batches of states
FRESH, YOUNG, NOISE, MOTION_SQUARED = 12.0, 1.0, 0.4, 0.1  # weights in the loss; the pool has 1
FREE_MOTION = 1.0  # price on motion in float, and of young states
UNIT = 32.0  # codes in which motion is priced
AGED = (50, 150)  # steps between which the price on motion rises
LIMIT, OVERFLOW = 120.0, 0.1  # codes from which a state is priced for its size; that price
STRIDE = 10  # steps that states of the pool are carried on, or as near as the gate's period lets
NOISE_KEPT, DIGIT_KEPT = 1 / 160, 1 / 100  # states of each that a state of a batch gives the pool
FEW = 0.2  # share of the fresh digits that lose cells in mid-run, and as many after the last step
LOST = (0.25, 0.35)  # share of the cells
STRETCHED, STRETCH = 0.5, 1.5  # share of the batches in which held states take longer steps
DISTURBANCE = 3.0  # codes, largest deviation of the noise on a third of the pool
SMALL = 1e-3  # squared error that the loss on a logarithmic scale does not look below


class Loss(NamedTuple):
    """What a batch came to."""

    value: Tensor
    errors: Tensor
    """Mean squared error of each restored digit, full scale being 1."""


def closeness(errors: Tensor, options: Options) -> Tensor:
    """Return the loss of mean squared errors (n,): their mean, or the mean of their logarithm."""
    if options.criterion == "mse":
        return errors.mean()
    return SMALL * 5 * (errors + SMALL).log().mean()


def squared(shown: Tensor, originals: Tensor) -> Tensor:
    """Return the mean squared error of each image, full scale being 1: (n,)."""
    return ((shown - originals) / 255).square().mean((1, 2))


def overflow(states: Tensor) -> Tensor:
    """Return the price of states that are near their limits: what saturates tells nothing more."""
    return OVERFLOW * torch.relu(states.abs() - LIMIT).mean() / UNIT


def restored(learner: Learner, damaged: Tensor, options: Options) -> Tensor:
    """Run damaged digits through all steps: pixel codes (n, image, image)."""
    *_, last = supervised(learner, damaged, options)
    return last


def supervised(learner: Learner, damaged: Tensor, options: Options) -> Iterator[Tensor]:
    """Run damaged digits through all steps; give what is shown where that is supervised."""
    spec, weights = learner.rule.spec, numbers(learner.rule, learner.gate)
    for step, states in enumerate(fallen(learner, weights, damaged, options), 1):
        if options.supervise == "every" or step == spec.steps:
            yield pixels(states, weights, spec, learner.exact)


def fallen(
    learner: Learner,
    weights: Numbers,
    damaged: Tensor,
    options: Options,
    steps: int | None = None,
) -> Iterator[Tensor]:
    """Run damaged digits through all steps, or as many as given; give the states after each."""
    states = lay(damaged, weights, learner.rule.spec, learner.exact)
    for step in range(1, (learner.rule.spec.steps if steps is None else steps) + 1):
        states = one_step(learner, weights, states, step, options)
        yield states


def one_step(
    learner: Learner,
    weights: Numbers,
    states: Tensor,
    step: int,
    options: Options,
) -> Tensor:
    """Return the states after ``step``, the gate's delta applied."""
    spec, exact = learner.rule.spec, learner.exact
    states = advance(states, weights, spec, exact)
    return respond(states, weights, spec, step, exact, options.dropout)


def restore(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring a batch of digits in the steps given."""
    rng = random(options, learner.stage, learner.batch)
    originals, damaged = map(share, draw(images, options, rng))
    wanted = aim(originals, damaged, options)
    shown = list(supervised(learner, damaged, options))
    losses = [closeness(squared(each, wanted), options) for each in shown]
    return Loss(torch.stack(losses).mean(), squared(shown[-1], originals))


def begin_holding(
    learner: Learner, images: np.ndarray, labels: np.ndarray, options: Options
) -> None:
    """Give the learner its prototypes, and a pool half of digits and half of noise."""
    spec, count = learner.rule.spec, POOL * options.batch
    prototypes = Prototypes.of(medoids(images, labels).to(options.device))
    pool = Pool(
        states=torch.zeros(count, *spec.lattice, device=options.device),
        targets=torch.zeros(count, spec.image, spec.image, device=options.device),
        ages=torch.full((count,), 1 << 30, device=options.device),
        open=torch.zeros(count, dtype=torch.bool, device=options.device),
    )
    rng = random(options, "hold", 1 << 30)
    with torch.no_grad():
        weights, half = numbers(learner.rule, learner.gate), options.batch // 2
        for _ in range(0, count, 2 * half):
            fresh = Fresh(learner, weights, images, options, rng, prototypes, half, half)
            fresh.run(learner, weights, options)
            pool.put(fresh.states[:half], fresh.targets[:half], spec.steps, False, rng)
            pool.put(fresh.states[half:], fresh.targets[half:], spec.steps, True, rng)
    learner.pool, learner.prototypes = pool, prototypes


class Fresh:
    """Digits just encoded, and noise, on their way through the first steps."""

    def __init__(
        self,
        learner: Learner,
        weights: Numbers,
        images: np.ndarray,
        options: Options,
        rng: np.random.Generator,
        prototypes: Prototypes,
        digits: int,
        noise: int,
    ) -> None:
        spec = learner.rule.spec
        originals, damaged = draw(images, options, rng, digits)
        lattices = torch.from_numpy(noise_states(spec, rng, noise)).to(originals.device)
        self.digits, self.prototypes = digits, prototypes
        self.states = torch.cat([lay(damaged, weights, spec, learner.exact), lattices])
        self.targets = torch.cat([originals, torch.zeros_like(originals[:1]).expand(noise, -1, -1)])
        self.lost_after = int(rng.integers(4, 7))
        self.few = max(1, round(FEW * digits))
        self.living = torch.ones(digits + noise, 1, spec.height, spec.width, device=options.device)
        self.living[: self.few] = lost_cells(spec, self.few, LOST, options.device)

    def run(self, learner: Learner, weights: Numbers, options: Options) -> None:
        """Run all steps; noise is assigned what it shall become at its first or second opening."""
        spec = learner.rule.spec
        channel = spec.gate.input_channel if spec.gate else 0
        for step in range(1, spec.steps + 1):
            self.states = one_step(learner, weights, self.states, step, options)
            if step == min(4, spec.steps):
                planes = self.states[self.digits :, channel]
                self.targets[self.digits :] = self.prototypes.images[
                    self.prototypes.assign(planes, spec)
                ]
            if step == self.lost_after:
                self.states = self.states * self.living


def stride(options: Options) -> int:
    """Return the steps that the pool is carried on: whole periods of the gate."""
    period = options.spec.gate.period if options.spec.gate else 1
    return max(period, STRIDE // period * period)


def price_of_motion(learner: Learner, ages: Tensor, options: Options) -> Tensor:
    """Return the price (n,) for states of these ages.

    Low in float and for young states; for aged ones it rises over the first third of ``qat``.
    """
    # A site that counts to its limit pays as much for each code at any pace, so that with one
    # price for all it would be slow, and not at rest for hundreds of steps.
    young, aged = AGED
    share = ((ages - young) / (aged - young)).clamp(0.0, 1.0)
    quantised = learner.stage == "qat"
    risen = min(1.0, 3 * learner.batch / options.stages()["qat"]) if quantised else 0.0
    return FREE_MOTION + (options.motion - FREE_MOTION) * risen * share


def relearn(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring letters, half of the batch where digits are rehearsed in the other half."""
    rng = random(options, learner.stage, learner.batch)
    count = options.batch if learner.rehearsal is None else options.batch // 2
    originals, damaged = draw(images, options, rng, count)
    if learner.rehearsal is not None:
        known, given = learner.rehearsal.pick(rng, options.batch - count)
        if given is None:
            known, given = draw(known.numpy(), options, rng, len(known))
        originals, damaged = torch.cat([originals, known]), torch.cat([damaged, given])
    errors = squared(restored(learner, share(damaged), options), share(originals))
    return Loss(closeness(errors, options), errors)


def hold(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring, of holding what the pool holds, of motion at rest, of nearing limits.

    Of a batch, half are states of the pool, a tenth is noise, the rest fresh digits.
    """
    assert learner.pool is not None and learner.prototypes is not None
    rng = random(options, learner.stage, learner.batch)
    weights = numbers(learner.rule, learner.gate)
    spec, exact = learner.rule.spec, learner.exact
    held, noise = options.batch // 2, max(1, options.batch // 10)
    fresh = Fresh(
        learner,
        weights,
        images,
        options,
        rng,
        learner.prototypes,
        options.batch - held - noise,
        noise,
    )
    fresh.run(learner, weights, options)
    errors = squared(pixels(fresh.states, weights, spec, exact), fresh.targets)
    digits, starts = errors[: fresh.digits], errors[fresh.digits :]
    # Of all but fresh digits plain errors: on a logarithmic scale those that have gone wrong would
    # hardly count.
    value = FRESH * closeness(digits, options) + NOISE * starts.mean() + overflow(fresh.states)
    value = value + holding(learner, weights, options, rng, held, fresh)
    for share_kept, last, of_noise in (
        (NOISE_KEPT, len(errors), True),
        (DIGIT_KEPT, fresh.digits, False),
    ):
        rows = slice(last - int(share_kept * options.batch + rng.random()), last)
        learner.pool.put(fresh.states[rows], fresh.targets[rows], spec.steps, of_noise, rng)
    return Loss(value, digits)


def holding(
    learner: Learner,
    weights: Numbers,
    options: Options,
    rng: np.random.Generator,
    count: int,
    fresh: Fresh,
) -> Tensor:
    """Carry ``count`` states of the pool on; return the loss of what they show and how they move.

    A third loses cells, a third is disturbed, and the last third shall not move at all. With them
    run fresh digits that have lost cells, some in mid-run and as many only now. What lost cells
    has half of the steps to get over it.
    """
    pool, prototypes = learner.pool, learner.prototypes
    assert pool is not None and prototypes is not None
    spec, exact, device = learner.rule.spec, learner.exact, pool.states.device
    rows = torch.from_numpy(rng.permutation(len(pool.ages))[:count]).to(device)
    third, few = count // 3, fresh.few
    young = 2 * few
    states = torch.cat([fresh.states[:young].detach(), pool.states[rows]])
    targets = torch.cat([fresh.targets[:young], pool.targets[rows]])
    lost, shaken = young + third, young + 2 * third
    states[few:lost] *= lost_cells(spec, lost - few, LOST, device)
    deviation = DISTURBANCE * torch.rand(third, 1, 1, 1, device=device)
    noise = torch.randn(third, *spec.lattice, device=device) * deviation
    states[lost:shaken] += noise.round() if exact else noise
    states = states.clamp(STATE.min, STATE.max)

    value, motion, steps = states.new_zeros(()), states.new_zeros(()), stride(options)
    price = price_of_motion(learner, pool.ages[rows[2 * third :]], options)
    # What rests in longer steps rests in usual ones with a margin; what is shown must be right in
    # usual ones.
    if rng.random() < STRETCHED:
        weights = weights.stretched(STRETCH)
    for step in range(1, steps + 1):
        before = states
        states = one_step(learner, weights, states, spec.steps + step, options)
        change = (states - before)[shaken:] / UNIT
        moved = change.abs().mean((1, 2, 3))
        motion = motion + (price * moved).mean()
        motion = motion + MOTION_SQUARED * change.square().mean() + overflow(states)
        shown = pixels(states, weights, spec, exact)
        errors = squared(shown, targets)
        if 2 * step >= steps:
            value = value + YOUNG * closeness(errors[:young], options) + errors[young:].mean()
        else:
            value = value + errors[lost:].mean()
    # What has lost cells is not carried on: a digit that loses some again and again cannot be had
    # back, and a rule that is held to it all the same learns to make the mean of its kind.
    pool.carry(rows[third:], states[lost:], shown[lost:], steps, prototypes)
    return (value + motion) / steps
