"""What becomes of digits and noise under a quantised rule, with codes added to its channels.

All runs are in the chip's arithmetic, well past the steps in which a digit is restored.
"""

from __future__ import annotations

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
from sw.train.first import LOST
from sw.train.learner import Learner
from sw.train.medoids import medoids
from sw.train.options import Options
from sw.train.origins import direct, move_origins

__all__ = ["Offsets", "Outcome", "Starts", "Trained", "add_offsets", "run_starts"]

LOOKS = (1, 5, 20)
"""When digits are looked at, in runs of the spec's steps; at the last one they shall rest."""
DIGITS, NOISE = 512, 32
"""Training digits, and lattices of noise, that are run."""
FEW = 0.02
"""Sites of a digit that have to count one way for an origin to be moved."""
BITS_PER_DECIBEL = 5.0
"""What quality is worth: a decibel, as much as 5 halvings of what moves."""
FADES = 1.0
"""Decibels that a digit may lose before it counts as fading, whatever others gain."""


class Offsets(NamedTuple):
    """Codes that are added, by channel."""

    changes: np.ndarray
    """To what an update adds, parts of a code too."""
    origins: np.ndarray
    """To every state; whole codes."""

    @classmethod
    def none(cls, channels: int) -> Offsets:
        """Return the one that changes nothing."""
        return cls(np.zeros(channels), np.zeros(channels))


def add_offsets(rule: Rule, offsets: Offsets) -> Rule:
    """Return the quantised rule with the offsets on its biases."""
    rule = deepcopy(rule)
    assert rule.update.bias is not None
    changes, origins = (torch.from_numpy(codes).to(rule.update.bias) for codes in offsets)
    with torch.no_grad():
        rule.update.bias += changes * 2.0**-STATE_FRAC
    move_origins(rule, origins)
    return rule


class Trained:
    """A learner's machine on integers: golden's codes, several times as fast."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.spec = learner.rule.spec
        self.offset(Offsets.none(self.spec.channels))

    def offset(self, offsets: Offsets) -> None:
        """Have the rule run with these offsets on its biases."""
        rule = add_offsets(self.learner.rule, offsets)
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
class Outcome:
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

    def cost(self, before: Outcome) -> float:
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
    """What is run: digits uint8 (n, image, image), and lattices of noise, int8 (m, *lattice)."""

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
        assert digits.train_labels is not None
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


def run_starts(machine: Trained, starts: Starts) -> Outcome:
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
    return Outcome(
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
