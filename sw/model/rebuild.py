"""Brevitas models from the integers of a skeleton and a gate, exactly.

The inverse of ``Rule.weights`` and ``Gate.weights``: a weight is ``code * 2**-frac``, and the frac
follows from the shift.
"""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import torch
from torch import Tensor

from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.model.gate import Gate, GateExponents
from sw.model.quantisers import ENCODE, GATE_INPUT, GATE_OUTPUT, PERCEIVE, READOUT, UPDATE, Place
from sw.model.rule import Rule, RuleExponents

__all__ = ["gate_of", "rule_of"]


def rule_of(skeleton: Skeleton) -> Rule:
    """Return the quantised rule with a skeleton's integers."""
    layers = {
        "encode": (skeleton.encode, ENCODE),
        "perceive": (skeleton.perceive, PERCEIVE),
        "update": (skeleton.update, UPDATE),
        "readout": (skeleton.readout, READOUT),
    }
    fracs = {name: fracs_of(layer.shift, place) for name, (layer, place) in layers.items()}
    rule = Rule(skeleton.spec, RuleExponents(**fracs))
    for name, (layer, place) in layers.items():
        put(getattr(rule, name), layer.weight, layer.bias, fracs[name], place)
    return rule.eval()


def gate_of(network: GateNetwork, spec: Spec) -> Gate:
    """Return the quantised gate with a network's integers."""
    layers = {"hidden": (network.hidden, GATE_INPUT), "output": (network.output, GATE_OUTPUT)}
    fracs = {name: fracs_of(layer.shift, place) for name, (layer, place) in layers.items()}
    gate = Gate(spec, GateExponents(**fracs), units=len(network.hidden.bias))
    for name, (layer, place) in layers.items():
        put(getattr(gate, name), layer.weight, layer.bias, fracs[name], place)
    return gate.eval()


def fracs_of(shift: np.ndarray, place: Place) -> Tensor:
    """Return the frac of each output's weights, int64 (outputs,)."""
    shifts = torch.from_numpy(np.atleast_1d(shift).astype(np.int64))
    return shifts - place.source + place.target


def put(
    layer: qnn.QuantConv2d | qnn.QuantLinear,
    weight: np.ndarray,
    bias: np.ndarray,
    fracs: Tensor,
    place: Place,
) -> None:
    """Set a layer's parameters to codes; float32 holds them exactly."""
    assert layer.bias is not None
    scale = torch.exp2(-fracs.double())
    codes = torch.from_numpy(weight.astype(np.float64)).reshape(len(fracs), -1)
    with torch.no_grad():
        layer.weight.copy_((codes * scale[:, None]).view_as(layer.weight))
        offsets = torch.from_numpy(np.atleast_1d(bias).astype(np.float64))
        layer.bias.copy_(offsets * scale * 2.0**-place.source)
