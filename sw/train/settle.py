"""A last touch for a rule that shall come to rest: some codes more or less on the update's biases.

A site whose change stays just outside the dead zone counts on, code by code, until it saturates,
and what reads it moves along. A few codes on its channel's bias stop it, or have it saturate soon.
No gradient tells: what moves can only be made to move less by it, never faster. So biases are tried
one after the other on the integers themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.data import Digits
from sw.memory.machine import Machine, follow
from sw.metrics import closeness, psnr, squared_errors
from sw.quant import STATE_FRAC
from sw.train.draw import calibration_digits, noise_states
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.pool import medoids

__all__ = ["Fall", "Starts", "fall", "settle", "settled"]

LOOKS = (1, 5, 20)
"""When digits are looked at, in runs of the spec's steps; at the last one they shall rest."""
NOISE = 32
"""Lattices of noise that fall beside the digits."""
PUSHES = (-1.0, -0.5, 0.5, 1.0, 2.0, 4.0)
"""Codes that a bias is moved by."""
PASSES = 4
"""How often all channels are gone through at most."""
BITS_PER_DECIBEL = 20.0
"""What quality is worth: a decibel, as much as 20 halvings of what moves."""


@dataclass(frozen=True)
class Fall:
    """What became of some digits, and of noise."""

    psnr: np.ndarray
    """Mean PSNR in dB: of digits at each of `LOOKS`, and of noise to the nearest prototype."""
    moving: np.ndarray
    """Codes that the last step changed, of each lattice and channel."""

    def cost(self, before: Fall) -> float:
        """Return what moves, in bits, and what quality was lost since ``before``."""
        lost = np.maximum(before.psnr - self.psnr, 0).mean()
        return float(np.log2(1 + self.moving.sum(1)).mean() + BITS_PER_DECIBEL * lost)


@dataclass(frozen=True)
class Starts:
    """What falls: digits uint8 (n, image, image), and lattices of noise, int8 (m, *lattice)."""

    originals: np.ndarray
    damaged: np.ndarray
    noise: np.ndarray
    prototypes: np.ndarray
    """What noise may become: uint8 (p, image, image)."""

    @classmethod
    def of(cls, digits: Digits, options: Options) -> Starts:
        """Draw training digits and noise."""
        images, rng = digits.train_images, np.random.default_rng([options.seed, NOISE])
        originals, damaged = (
            drawn.cpu().numpy().astype(np.uint8) for drawn in calibration_digits(images, options)
        )
        return cls(
            originals,
            damaged,
            noise_states(options.spec, rng, NOISE).astype(np.int8),
            medoids(images, digits.train_labels).numpy().astype(np.uint8),
        )


def fall(skeleton: Skeleton, network: GateNetwork | None, starts: Starts) -> Fall:
    """Run all starts on golden up to the last of `LOOKS`."""
    machine, count = Machine(skeleton, network), len(starts.damaged)
    states = np.concatenate([machine.model.encode(starts.damaged), starts.noise])
    looks = [runs * skeleton.spec.steps for runs in LOOKS]
    after = dict(follow(machine, states, 0, [*looks, looks[-1] - 1]))
    shown = {step: machine.model.readout(after[step]) for step in looks}
    found = [closeness(shown[step][:count], starts.originals).psnr_mean for step in looks]
    last = shown[looks[-1]][count:]
    found.append(float(psnr(min_errors(last, starts.prototypes), last[0].size).mean()))
    moving = np.count_nonzero(after[looks[-1]] != after[looks[-1] - 1], axis=(2, 3))
    return Fall(np.array(found), moving)


def min_errors(images: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Return each image's mean squared error to the prototype nearest to it."""
    each = [squared_errors(images, np.broadcast_to(one, images.shape)) for one in prototypes]
    return np.min(each, axis=0)


def pushed(skeleton: Skeleton, channel: int, codes: float) -> Skeleton:
    """Return the skeleton with ``codes`` more in every change of a channel."""
    update = skeleton.update
    bias = update.bias.copy()
    bias[channel] += round(codes * 2.0 ** int(update.shift[channel]))
    return replace(skeleton, update=replace(update, bias=bias))


def settled(
    skeleton: Skeleton,
    look: Callable[[Skeleton], Fall],
    say: Callable[[str], None] = lambda text: None,
) -> tuple[np.ndarray, Fall]:
    """Return the codes to add to each channel's change, and what digits do then."""
    first = best = look(skeleton)
    codes = np.zeros(skeleton.spec.channels)
    for _ in range(PASSES):
        before = codes.copy()
        for channel in best.moving.sum(0).argsort()[::-1].tolist():
            tried = [(look(pushed(skeleton, channel, push)), push) for push in PUSHES]
            found, push = min(tried, key=lambda each: each[0].cost(first))
            if found.cost(first) < best.cost(first):
                best, skeleton = found, pushed(skeleton, channel, push)
                codes[channel] += push
            moving = best.moving.sum(1)
            say(
                f"bias of channel {channel}: {codes[channel]:+.1f} codes, "
                f"{moving.mean():.1f} sites moving, "
                f"{100 * np.mean(moving == 0):.0f} % at rest, "
                f"{best.psnr[-2]:.2f} dB, noise {best.psnr[-1]:.2f} dB"
            )
        if np.array_equal(codes, before):
            break
    return codes, best


def settle(learner: Learner, digits: Digits, options: Options) -> None:
    """Add to the biases of the rule's update what brings training digits and noise to rest."""
    skeleton = learner.rule.weights()
    network = None if learner.gate is None else learner.gate.weights(skeleton.digest)
    starts = Starts.of(digits, options)
    codes, _ = settled(
        skeleton,
        lambda tried: fall(tried, network, starts),
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    bias = learner.rule.update.bias
    with torch.no_grad():
        bias += torch.from_numpy(codes * 2.0**-STATE_FRAC).to(bias)
