"""Where a channel's zero lies: moved in the midst of `qat`, so that what counts has a short way.

In channels that nothing draws back some sites of a stroke count, a code a step, until they
saturate, and their digit is at rest only then. A channel's origin is free: with so many codes on
each of its states, and what reads them told to expect that, the rule does what it did, but the
limit is so many steps nearer. Narrow channels have the room.

Noise does not move along. A rule that shall fall from it has to learn where it begins now, so this
comes while there are batches left.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from golden.fixed import STATE
from golden.spec import Spec
from sw.model.quantisers import STATE_FRAC
from sw.model.rule import Rule
from sw.train.calibrate import NARROW
from sw.train.draw import calibration_digits
from sw.train.hold import AGED
from sw.train.learner import Learner
from sw.train.options import Options

__all__ = ["direct", "move_origins", "shorten_ways"]

ROOM = STATE.max - NARROW
"""Codes that an origin is moved by: what is left beside states as narrow as they were made."""

FEW = 0.5
"""Sites of a digit that have to count, one way more than the other, for a channel to be moved."""


@torch.no_grad()
def move_origins(rule: Rule, codes: Tensor) -> None:
    """Add whole codes (channels,) to all states of a quantised rule, on its biases.

    All that is shown stays as it was, but for where states saturate, and for the neighbours that
    border cells lack, which are 0 still.
    """
    values = codes * 2.0**-STATE_FRAC
    encode, perceive, readout = rule.encode, rule.perceive, rule.readout
    assert encode.bias is not None and perceive.bias is not None and readout.bias is not None
    encode.bias += values
    kernels = perceive.quant_weight().value.sum((1, 2, 3))
    perceive.bias -= kernels * values.repeat_interleave(rule.spec.multiplier)
    readout.bias -= (readout.quant_weight().value.flatten() * values).sum()


def direct(before: Tensor, after: Tensor, spec: Spec, few: float) -> Tensor:
    """Return which way each channel counts from one step to the next: -1, 0 or 1 (channels,).

    More than ``few`` sites of a digit go that way rather than the other. The gate's do not count:
    what it reads and adds to keeps its origin.
    """
    net = (after - before).sign().sum((0, 2, 3)) / len(before)
    ways = net.sign() * (net.abs() > few)
    if spec.gate is not None:
        ways[[spec.gate.input_channel, spec.gate.output_channel]] = 0
    return ways


@torch.no_grad()
def shorten_ways(learner: Learner, images: np.ndarray, options: Options) -> None:
    """Move the origins of channels in which aged digits count towards that limit.

    The run goes on from the averages.
    """
    assert learner.pool is not None
    learner.take_averages()
    _, damaged = calibration_digits(images, options)
    machine = learner.machine()
    walk = machine.run(machine.encode(damaged), AGED[1])
    before, after = deque(walk, maxlen=2)
    codes = ROOM * direct(before, after, learner.rule.spec, FEW)
    move_origins(learner.rule, codes)
    learner.averages = [parameter.detach().clone() for parameter in learner.parameters]
    learner.pool.states.add_(codes.view(-1, 1, 1)).clamp_(STATE.min, STATE.max)
