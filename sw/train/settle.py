"""A last touch for a rule that shall come to rest: codes added to channels, on biases alone.

A site whose change stays just outside the dead zone counts on, code by code, until it saturates,
and what reads it moves along. A few codes on its channel's change stop it, or have it saturate
soon. Some on the origins of all channels that count, and what counts arrives so many steps sooner
(see `sw.train.origins`): no more than noise can bear. No gradient tells: what moves can only be
made to move less by it, never faster. So codes are tried one after the other, in the chip's
arithmetic.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from golden.machine import follow
from sw.data.load import Digits
from sw.judge.metrics import psnr, squared_errors
from sw.model.quantisers import STATE_FRAC
from sw.model.rule import Rule
from sw.model.step import TrainingMachine
from sw.train.draw import draw, lost_cells, noise_states, random
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.origins import direct, move_origins
from sw.train.pool import medoids
from sw.train.recipes import LOST

__all__ = ["Fall", "Starts", "Touch", "Trained", "apply_touch", "fall", "find_touch", "settle"]

LOOKS = (1, 5, 20)
"""When digits are looked at, in runs of the spec's steps; at the last one they shall rest."""
DIGITS, NOISE = 512, 32
"""Training digits, and lattices of noise, that fall."""
PUSHES = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Codes that a channel's change is moved by."""
SHIFTS = (4, 8)
"""Codes that origins are moved by: of all channels that count at once, or of one."""
FEW = 0.02
"""Sites of a digit that have to count one way for an origin to be moved."""
SELDOM = 0.01
"""Share of the digits that may move in a channel without its being tried."""
PASSES = 3
"""How often all other channels are gone through at most."""
BITS_PER_DECIBEL = 5.0
"""What quality is worth: a decibel, as much as 5 halvings of what moves."""
FADES = 1.0
"""Decibels that a digit may lose before it counts as fading, whatever others gain."""


class Touch(NamedTuple):
    """Codes that are added, by channel."""

    changes: np.ndarray
    """To what an update adds, parts of a code too."""
    origins: np.ndarray
    """To every state; whole codes."""

    @classmethod
    def none(cls, channels: int) -> Touch:
        """Return the one that changes nothing."""
        return cls(np.zeros(channels), np.zeros(channels))


def apply_touch(rule: Rule, touch: Touch) -> Rule:
    """Return the quantised rule with the touch on its biases."""
    rule = deepcopy(rule)
    assert rule.update.bias is not None
    changes, origins = (torch.from_numpy(codes).to(rule.update.bias) for codes in touch)
    with torch.no_grad():
        rule.update.bias += changes * 2.0**-STATE_FRAC
    move_origins(rule, origins)
    return rule


class Trained:
    """A learner's machine on integers: golden's codes, several times as fast."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.spec = learner.rule.spec
        self.touch(Touch.none(self.spec.channels))

    def touch(self, touch: Touch) -> None:
        """Have the rule run with the touch on its biases."""
        rule = apply_touch(self.learner.rule, touch)
        self.machine = TrainingMachine.of(rule, self.learner.gate)

    @property
    def period(self) -> int:
        """As `golden.machine.Steps` has it."""
        return self.machine.period

    def phase(self, step: int) -> int:
        """As `golden.machine.Steps` has it."""
        return self.machine.phase(step)

    def tensor(self, codes: np.ndarray) -> Tensor:
        """Return codes as training has them."""
        return torch.from_numpy(codes).to(self.machine.update[1])

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Lay images uint8 (n, image, image) on lattices, int8."""
        return self.machine.encode(self.tensor(images)).to("cpu", torch.int8).numpy()

    def advance(self, states: np.ndarray, step: int) -> np.ndarray:
        """Return the states after ``step``, the gate's delta applied, given those before it."""
        after = self.machine.advance(self.tensor(states), step)
        return after.to("cpu", torch.int8).numpy()

    def readout(self, states: np.ndarray) -> np.ndarray:
        """Return what the states show: uint8 (n, image, image)."""
        return self.machine.readout(self.tensor(states)).to("cpu", torch.uint8).numpy()


@dataclass(frozen=True)
class Fall:
    """What became of some digits, and of noise."""

    digits: np.ndarray
    """PSNR in dB of each digit at each of `LOOKS`: (looks, n)."""
    hurt: float
    """Mean PSNR in dB of the digits a run after they lost cells at the first look."""
    noise: float
    """Mean PSNR in dB of what noise became, to the nearest prototype."""
    moving: np.ndarray
    """Codes that the last step changed, of each digit and channel. Noise has more time to rest."""
    ways: np.ndarray
    """Which way each channel of the digits counts: -1, 0 or 1."""

    def cost(self, before: Fall) -> float:
        """Return what moves, in bits, and what quality was lost since ``before``."""
        means = [
            *(before.digits - self.digits).mean(1),
            before.hurt - self.hurt,
            before.noise - self.noise,
        ]
        faded = np.maximum((before.digits - self.digits).max(0) - FADES, 0).mean()
        lost = np.maximum(means, 0).mean() + faded
        return float(np.log2(1 + self.moving.sum(1)).mean() + BITS_PER_DECIBEL * lost)


@dataclass(frozen=True)
class Starts:
    """What falls: digits uint8 (n, image, image), and lattices of noise, int8 (m, *lattice)."""

    originals: np.ndarray
    damaged: np.ndarray
    living: np.ndarray
    """Cells that a digit does not lose at the first look: 0 or 1, int8 (n, 1, height, width)."""
    noise: np.ndarray
    prototypes: np.ndarray
    """What noise may become: uint8 (p, image, image)."""

    @classmethod
    def of(cls, digits: Digits, options: Options) -> Starts:
        """Draw training digits and noise."""
        images, rng = digits.train_images, random(options, "settle", 0)
        originals, damaged = (
            drawn.cpu().numpy().astype(np.uint8) for drawn in draw(images, options, rng, DIGITS)
        )
        return cls(
            originals,
            damaged,
            lost_cells(options.spec, DIGITS, LOST, "cpu").numpy().astype(np.int8),
            noise_states(options.spec, rng, NOISE).astype(np.int8),
            medoids(images, digits.train_labels).numpy().astype(np.uint8),
        )


def fall(machine: Trained, starts: Starts) -> Fall:
    """Run all starts up to the last of `LOOKS`."""
    count = len(starts.damaged)
    states = np.concatenate([machine.encode(starts.damaged), starts.noise])
    looks = [runs * machine.spec.steps for runs in LOOKS]
    after = dict(follow(machine, states, 0, [*looks, looks[-1] - 1]))
    shown = {step: machine.readout(after[step]) for step in looks}
    errors = [squared_errors(shown[step][:count], starts.originals) for step in looks]
    last = shown[looks[-1]][count:]
    size = last[0].size
    ((_, hurt),) = follow(
        machine, after[looks[0]][:count] * starts.living, looks[0], [looks[0] + machine.spec.steps]
    )
    before, end = (after[step][:count].astype(np.int16) for step in (looks[-1] - 1, looks[-1]))
    ways = direct(torch.from_numpy(before), torch.from_numpy(end), machine.spec, FEW)
    return Fall(
        digits=psnr(np.array(errors), size),
        hurt=float(psnr(squared_errors(machine.readout(hurt), starts.originals), size).mean()),
        noise=float(psnr(min_errors(last, starts.prototypes), size).mean()),
        moving=np.count_nonzero(end != before, axis=(2, 3)),
        ways=ways.numpy(),
    )


def min_errors(images: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Return each image's mean squared error to the prototype nearest to it."""
    each = [squared_errors(images, np.broadcast_to(one, images.shape)) for one in prototypes]
    return np.min(each, axis=0)


def find_touch(
    channels: int, look: Callable[[Touch], Fall], say: Callable[[str], None]
) -> tuple[Touch, Fall]:
    """Return the touch that brings to rest, and what digits do then.

    ``look`` tells what they do with a given one.
    """
    touch = Touch.none(channels)
    first = best = look(touch)

    def choose(tries: list[Touch]) -> None:
        nonlocal best, touch
        for tried in tries:
            found = look(tried)
            if found.cost(first) < best.cost(first):
                best, touch = found, tried

    def tell(what: str) -> None:
        moving = best.moving.sum(1)
        say(
            f"{what}, {moving.mean():.1f} sites moving, "
            f"{100 * np.mean(moving == 0):.0f} % at rest, "
            f"{best.digits[-1].mean():.2f} dB, hurt {best.hurt:.2f} dB, noise {best.noise:.2f} dB"
        )

    for _ in range(PASSES):
        before, order = touch, best.moving.sum(0).argsort()[::-1].tolist()
        for channel in order:
            if np.mean(best.moving[:, channel] > 0) <= SELDOM:
                continue
            one = np.arange(channels) == channel
            tries = [touch._replace(changes=touch.changes + push * one) for push in PUSHES]
            if best.ways[channel]:
                ways = [shift * best.ways * one for shift in SHIFTS]
                tries += [touch._replace(origins=touch.origins + way) for way in ways]
            choose(tries)
            tell(
                f"channel {channel}: {touch.changes[channel]:+.2f} codes a step, "
                f"{touch.origins[channel]:+.0f} on its origin"
            )
        if best.ways.any():
            choose([touch._replace(origins=touch.origins + s * best.ways) for s in SHIFTS])
        tell("origins: " + ", ".join(f"{each:+.0f}" for each in touch.origins) + " codes")
        if touch is before:
            break
    return touch, best


def settle(learner: Learner, digits: Digits, options: Options) -> None:
    """Add to the rule's biases what brings training digits and noise to rest."""
    with torch.no_grad():
        machine, starts = Trained(learner), Starts.of(digits, options)

        def look(touch: Touch) -> Fall:
            machine.touch(touch)
            return fall(machine, starts)

        channels = options.spec.channels
        touch, _ = find_touch(channels, look, lambda text: print(text, file=sys.stderr, flush=True))
        learner.rule = apply_touch(learner.rule, touch)
