"""Multiply-accumulates of a digit: PyTorch counts them while the model runs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from golden.spec import Spec
from sw.model.gate import Gate
from sw.model.rule import Rule
from sw.model.values import Values

__all__ = ["automaton_macs", "count", "network_macs"]


def count(run: Callable[[], object]) -> int:
    """Return the multiply-accumulates of matrix products and convolutions in a call."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2  # it counts a multiply-accumulate as two


def network_macs(network: nn.Module, image: int = 28) -> int:
    """Return the multiply-accumulates of a network on one image."""
    return count(lambda: network(torch.zeros(1, 1, image, image)))


def automaton_macs(spec: Spec) -> int:
    """Return the multiply-accumulates of a digit: encode, all steps, all openings, read-out."""
    machine = Values(Rule(spec), Gate(spec) if spec.gate else None)

    def run() -> None:
        states = machine.encode(torch.zeros(1, spec.image, spec.image))
        machine.readout(machine.carry_on(states, spec.steps))

    return count(run)
