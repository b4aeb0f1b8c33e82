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
from golden.model import Model
from golden.skeleton import Skeleton
from sw.metrics import closeness
from sw.quant import STATE_FRAC
from sw.train.draw import calibration_digits
from sw.train.learner import Learner
from sw.train.options import Options

__all__ = ["Fall", "fall", "settle", "settled"]

LOOKS = (1, 5, 20)
"""When digits are looked at, in runs of the spec's steps; at the last one they shall rest."""
PUSHES = (-1.0, -0.5, 0.5, 1.0, 2.0, 4.0)
"""Codes that a bias is moved by."""
PASSES = 4
"""How often all channels are gone through at most."""
BITS_PER_DECIBEL = 20.0
"""What quality is worth: a decibel, as much as 20 halvings of what moves."""


@dataclass(frozen=True)
class Fall:
    """What became of some digits."""

    psnr: np.ndarray
    """Mean PSNR in dB after each step of `LOOKS`."""
    moving: np.ndarray
    """Codes of each digit's lattice that the last step changed."""

    def cost(self, before: Fall) -> float:
        """Return what moves, in bits, and what quality was lost since ``before``."""
        lost = np.maximum(before.psnr - self.psnr, 0).mean()
        return float(np.log2(1 + self.moving).mean() + BITS_PER_DECIBEL * lost)


def fall(
    skeleton: Skeleton,
    network: GateNetwork | None,
    originals: np.ndarray,
    damaged: np.ndarray,
) -> Fall:
    """Run damaged digits, uint8 (n, image, image), on golden up to the last of `LOOKS`."""
    model, spec, gate = Model(skeleton), skeleton.spec, skeleton.spec.gate
    states, found = model.encode(damaged), []
    looks = [runs * spec.steps for runs in LOOKS]
    for step in range(1, looks[-1] + 1):
        before = states
        states = model.step(states)
        if network is not None and gate is not None and gate.is_open(step):
            model.add_deltas(states, network.deltas(model.planes(states)), step)
        if step in looks:
            found.append(closeness(model.readout(states), originals).psnr_mean)
    return Fall(np.array(found), np.count_nonzero(states != before, axis=(1, 2, 3)))


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
        for channel in range(skeleton.spec.channels):
            tried = [(look(pushed(skeleton, channel, push)), push) for push in PUSHES]
            found, push = min(tried, key=lambda each: each[0].cost(first))
            if found.cost(first) < best.cost(first):
                best, skeleton = found, pushed(skeleton, channel, push)
                codes[channel] += push
            rest = 100 * np.mean(best.moving == 0)
            say(
                f"bias of channel {channel}: {codes[channel]:+.1f} codes, "
                f"{best.moving.mean():.1f} sites moving, {rest:.0f} % at rest, "
                f"{best.psnr[-1]:.2f} dB"
            )
        if np.array_equal(codes, before):
            break
    return codes, best


def settle(learner: Learner, images: np.ndarray, options: Options) -> None:
    """Add to the biases of the rule's update what brings most of some training digits to rest."""
    skeleton = learner.rule.weights()
    network = None if learner.gate is None else learner.gate.weights(skeleton.digest)
    originals, damaged = (
        digits.cpu().numpy().astype(np.uint8) for digits in calibration_digits(images, options)
    )
    codes, _ = settled(
        skeleton,
        lambda tried: fall(tried, network, originals, damaged),
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    bias = learner.rule.update.bias
    with torch.no_grad():
        bias += torch.from_numpy(codes * 2.0**-STATE_FRAC).to(bias)
