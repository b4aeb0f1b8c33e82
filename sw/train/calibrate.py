"""From the float model to the quantised one: normalisation into powers of two, then fracs.

A filter's scale is free, since ``relu(2 a) = 2 relu(a)``: its power of two goes into perceive, and
its inverse into update, so that the hidden codes of every filter fill their range with one scale.
The gate's hidden units are treated alike. The float function stays what it was.

How much of its range? A filter that is rarely large would have to be made small for the sake of
its peaks, and its weights in update large, which coarsens all others of their row. So the peaks
may saturate, and digits decide how many do.

A channel's scale is free as well, up to the states' limits. A change of less than a code is none,
so where states shall come to rest they are made narrow: beside their range, what rests is wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from golden.fixed import GATE_HIDDEN, HIDDEN, Format
from golden.spec import Spec
from sw.model.gate import Gate, GateExponents
from sw.model.quantisers import (
    GATE_HIDDEN_FRAC,
    GATE_INPUT,
    GATE_OUTPUT,
    HIDDEN_FRAC,
    STATE_FRAC,
    Place,
)
from sw.model.rule import Rule, RuleExponents
from sw.model.step import TrainingMachine
from sw.train.draw import calibration_digits
from sw.train.learner import Learner
from sw.train.losses import squared_error
from sw.train.options import Options

__all__ = ["quantise"]

QUANTILES = (0.9999, 0.9995, 0.998, 0.9965, 0.995, 0.99)
"""Shares of a unit's codes that may be spared from saturating; the best one is taken."""

NARROW, INSIDE = 64.0, 0.99
"""Codes within which that share of a channel's states lies where they shall come to rest."""

POWERS = (-12, 4)
"""Smallest and largest power of two that a filter is multiplied with."""


def quantise(learner: Learner, images: np.ndarray, options: Options) -> Learner:
    """Return a learner at the start of quantisation-aware training.

    Parameters
    ----------
    learner
        At the end of the warm-up; its averages are taken.
    images
        Training digits, uint8 (n, image, image); some are damaged and restored on the way.
    options
        Of the run.
    """
    learner.take_averages()
    originals, damaged = calibration_digits(images, options)
    if learner.pool is not None:
        narrow_states(learner, damaged)
    found = max(candidates(learner, damaged), key=lambda found: fidelity(found, originals, damaged))
    if found.pool is not None:
        found.pool.states = found.pool.states.round()
    return found


@torch.no_grad()
def narrow_states(learner: Learner, damaged: Tensor) -> None:
    """Scale wide channels so that their states are as narrow as `NARROW` says, the pool's too.

    The float function stays what it was, but that states saturate later. What the gate reads and
    adds to is left alone.
    """
    rule, spec, pool = learner.rule, learner.rule.spec, learner.pool
    assert pool is not None and rule.encode.bias is not None and rule.update.bias is not None
    machine = learner.machine()
    states = machine.carry_on(machine.encode(damaged), spec.steps)
    sizes = states.abs().transpose(0, 1).flatten(1)
    wide = sizes.kthvalue(math.ceil(INSIDE * sizes.shape[1])).values
    factor = (NARROW / wide).clamp(max=1.0)
    if spec.gate is not None:
        factor[[spec.gate.input_channel, spec.gate.output_channel]] = 1.0
    outputs = factor.view(-1, 1, 1, 1)
    rule.encode.weight.mul_(outputs)
    rule.encode.bias.mul_(factor)
    rule.perceive.weight.div_(outputs.repeat_interleave(spec.multiplier, 0))
    rule.update.weight.mul_(outputs)
    rule.update.bias.mul_(factor)
    rule.readout.weight.div_(factor.view(1, -1, 1, 1))
    pool.states.mul_(factor.view(-1, 1, 1))


def candidates(learner: Learner, damaged: Tensor) -> Sequence[Learner]:
    """Return the learner quantised, once for each of the quantiles."""
    spec, found = learner.rule.spec, []
    for hidden, units in zip(*peaks(learner.rule, learner.gate, damaged), strict=True):
        rule, gate = quantised_rule(learner.rule, hidden, spec), None
        if learner.gate is not None:
            gate = quantised_gate(learner.gate, units, spec)
        found.append(
            Learner(
                rule=rule,
                gate=gate,
                stage="qat",
                seconds=learner.seconds,
                pool=learner.pool,
                prototypes=learner.prototypes,
                optimiser=learner.optimiser,
            )
        )
    return found


@torch.inference_mode()
def fidelity(learner: Learner, originals: Tensor, damaged: Tensor) -> float:
    """Return the mean PSNR of what it restores, but for a constant and a factor."""
    machine = learner.machine()
    states = machine.carry_on(machine.encode(damaged), machine.spec.steps)
    return -squared_error(machine.readout(states), originals).clamp(min=1e-9).log().mean().item()


@torch.inference_mode()
def peaks(rule: Rule, gate: Gate | None, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the quantiles of each filter and of each of the gate's hidden units, in codes.

    ``images`` are damaged digits; results are (quantiles, filters) and (quantiles, units).
    """
    machine = TrainingMachine.of(rule, gate)
    spec, hidden, units = rule.spec, [], []
    states = machine.encode(images)
    for step in range(1, spec.steps + 1):
        sums = rule.perceive(states * 2.0**-STATE_FRAC)
        hidden.append(sums.permute(0, 2, 3, 1).reshape(-1, spec.filters).cpu().numpy())
        (_, written), *answered = machine.moments(states, step)
        states = written
        if gate is not None and answered:
            planes = machine.planes(written)
            units.append(gate.hidden(planes * 2.0**-STATE_FRAC).cpu().numpy())
            _, states = answered[-1]

    def quantiles(values: list[np.ndarray], frac: int) -> Tensor:
        if not values:
            return torch.zeros(len(QUANTILES), 0)
        peak = np.quantile(np.concatenate(values), QUANTILES, axis=0, method="lower")
        return torch.from_numpy(peak).float().clamp(min=0) * 2.0**frac

    return quantiles(hidden, HIDDEN_FRAC), quantiles(units, GATE_HIDDEN_FRAC)


def powers(peak: Tensor, weight: Tensor, place: Place, to: Format) -> Tensor:
    """Return the power of two for each output: its codes fill ``to``, its weights still fit."""
    fill = torch.floor(torch.log2(to.max / peak.clamp(min=2.0**-40)))
    largest = weight.detach().cpu().reshape(len(peak), -1).abs().amax(1).clamp(min=2.0**-40)
    room = torch.floor(torch.log2(place.codes[-1] * 2.0 ** -place.exponents[0] / largest))
    return torch.exp2(torch.minimum(fill.clamp(*POWERS), room))


def quantised_rule(rule: Rule, peak: Tensor, spec: Spec) -> Rule:
    """Return the rule with the powers folded into its weights, and the fracs chosen."""
    rule = deepcopy(rule)
    assert rule.perceive.bias is not None
    factor = powers(peak, rule.perceive.weight, rule.places[1], HIDDEN)
    factor = factor.to(rule.perceive.weight.device)
    with torch.no_grad():
        rule.perceive.weight.mul_(factor.view(-1, 1, 1, 1))
        rule.perceive.bias.mul_(factor)
        rule.update.weight.div_(factor.view(1, -1, 1, 1))
    layers = (rule.encode, rule.perceive, rule.update, rule.readout)
    exponents = RuleExponents(
        *(
            place.choose(layer.weight, layer.bias)
            for place, layer in zip(rule.places, layers, strict=True)
        )
    )
    result = Rule(spec, exponents, weight_bits=rule.weight_bits).to(rule.encode.weight.device)
    copy(rule, result)
    return result


def quantised_gate(gate: Gate, peak: Tensor, spec: Spec) -> Gate:
    """Return the gate with the powers folded into its weights, and the fracs chosen."""
    gate = deepcopy(gate)
    assert gate.hidden.bias is not None
    factor = powers(peak, gate.hidden.weight, GATE_INPUT, GATE_HIDDEN)
    factor = factor.to(gate.hidden.weight.device)
    with torch.no_grad():
        gate.hidden.weight.mul_(factor.view(-1, 1))
        gate.hidden.bias.mul_(factor)
        gate.output.weight.div_(factor)
    exponents = GateExponents(
        GATE_INPUT.choose(gate.hidden.weight, gate.hidden.bias),
        GATE_OUTPUT.choose(gate.output.weight, gate.output.bias),
    )
    result = Gate(spec, exponents, plane_bits=gate.plane_bits).to(gate.hidden.weight.device)
    copy(gate, result)
    return result


def copy(source: torch.nn.Module, target: torch.nn.Module) -> None:
    """Copy the parameters of a model to one that differs in its quantisers alone."""
    with torch.no_grad():
        for old, new in zip(source.parameters(), target.parameters(), strict=True):
            new.copy_(old)
