"""Brevitas models that hold the integers of a skeleton or a gate."""

from dataclasses import replace

import numpy as np
import torch

from golden.skeleton import LAYERS
from sw.gate import Gate, GateExponents
from sw.quant import ENCODE, GATE_INPUT, GATE_OUTPUT, PERCEIVE, READOUT, UPDATE
from sw.rule import Rule, RuleExponents


def fill(layer, place, codes):
    """Give a Brevitas layer the values of these integers; return the fracs of its weights."""
    exponents = torch.from_numpy(np.atleast_1d(codes.shift) + place.target - place.source)
    scale = torch.exp2(-exponents.double())
    weight = torch.from_numpy(np.asarray(codes.weight, float)).reshape(layer.weight.shape)
    bias = torch.from_numpy(np.asarray(codes.bias, float)).reshape(layer.bias.shape)
    with torch.no_grad():
        layer.weight.copy_(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))
        layer.bias.copy_(bias * scale * 2.0**-place.source)
    return exponents


def rule_of(skeleton):
    places = ENCODE, PERCEIVE, UPDATE, READOUT
    plain = Rule(skeleton.spec)
    exponents = [
        fill(getattr(plain, layer), place, getattr(skeleton, layer))
        for layer, place in zip(LAYERS, places, strict=True)
    ]
    rule = Rule(skeleton.spec, RuleExponents(*exponents))
    for layer, place in zip(LAYERS, places, strict=True):
        fill(getattr(rule, layer), place, getattr(skeleton, layer))
    return rule


def gate_of(net, spec):
    exponents = GateExponents(
        *(
            torch.from_numpy(codes.shift.astype(np.int64) + place.target - place.source)
            for codes, place in ((net.hidden, GATE_INPUT), (net.output, GATE_OUTPUT))
        )
    )
    gate = Gate(spec, exponents, units=len(net.hidden.bias))
    fill(gate.hidden, GATE_INPUT, replace(net.hidden, shift=net.hidden.shift.astype(np.int64)))
    fill(gate.output, GATE_OUTPUT, replace(net.output, shift=net.output.shift.astype(np.int64)))
    return gate
