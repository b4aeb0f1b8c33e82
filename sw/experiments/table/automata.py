"""The automaton in the table: in float, in Brevitas, on golden and on the simulated chip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from golden.compare import require_equal
from golden.device import Device, GoldenDevice
from golden.device import restore as run_on
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.experiments.table.subject import Progress, Restore
from sw.model.floats import models
from sw.model.rebuild import gate_of, rule_of
from sw.model.step import TrainingMachine
from sw.model.values import Values

__all__ = ["brevitas_restore", "device_restore", "float_restore", "link_bytes", "parameters_of"]

BLOCK = 50

OpenDevice = Callable[[Skeleton], Device]
"""Opens a device that has this skeleton chosen."""


def parameters_of(skeleton: Skeleton, network: GateNetwork | None) -> int:
    """Return the number of trained weights and biases, those of the gate included."""
    layers = [skeleton.encode, skeleton.perceive, skeleton.update, skeleton.readout]
    count = sum(layer.weight.size + layer.bias.size for layer in layers)
    for layer in () if network is None else (network.hidden, network.output):
        count += layer.weight.size + layer.bias.size
    return count


def link_bytes(spec: Spec, plane_bits: int = 8) -> int:
    """Return the bytes of a digit over the link: the image both ways, plane and delta.

    ``plane_bits`` are the bits of a code in a plane.
    """
    gate = spec.gate
    openings = 0 if gate is None else gate.openings(0, spec.steps)
    return 2 * spec.image**2 + openings * (spec.cells * plane_bits // 8 + spec.deltas)


def device_restore(
    open_device: OpenDevice,
    skeleton: Skeleton,
    network: GateNetwork | None,
    *,
    as_golden: bool = False,
) -> Restore:
    """Return a function that restores on a device, which is opened on first use.

    With ``as_golden`` it raises `Difference` unless every pixel equals golden's.
    """

    def restore(damaged: np.ndarray, blanked: np.ndarray, progress: Progress) -> np.ndarray:
        device, steps = open_device(skeleton), skeleton.spec.steps
        restored = run_on(device, network, damaged, steps, progress)
        if as_golden:
            wanted = run_on(golden_device(skeleton), network, damaged, steps)
            require_equal(restored, wanted)
        return restored

    return restore


def golden_device(skeleton: Skeleton) -> Device:
    """Return the reference model as a device."""
    return GoldenDevice((skeleton,))


def blockwise(restore: Callable[[Tensor], Tensor]) -> Restore:
    """Return a function that restores images in batches, by a function on pixel codes (B, h, w)."""

    def whole(damaged: np.ndarray, blanked: np.ndarray, progress: Progress) -> np.ndarray:
        restored = np.empty_like(damaged)
        with torch.inference_mode():
            for begin in range(0, len(damaged), BLOCK):
                block = slice(begin, begin + BLOCK)
                codes = restore(torch.from_numpy(damaged[block]).float())
                restored[block] = codes.round().to(torch.uint8).numpy()
                progress(len(codes))
        return restored

    return whole


def float_restore(path: Path, spec: Spec) -> Restore:
    """Return a function that restores by the float models in a file; only pixels are rounded."""
    rule, gate = models(path, spec)
    machine = TrainingMachine.of(rule, gate)

    def restore(damaged: Tensor) -> Tensor:
        states = machine.carry_on(machine.encode(damaged), spec.steps)
        return machine.readout(states)

    return blockwise(restore)


def brevitas_restore(skeleton: Skeleton, network: GateNetwork | None) -> Restore:
    """Return a function that restores by the Brevitas models of the integers."""
    gate = None if network is None else gate_of(network, skeleton.spec)
    machine = Values(rule_of(skeleton), gate)

    def restore(damaged: Tensor) -> Tensor:
        states = machine.carry_on(machine.encode(damaged), machine.spec.steps)
        return machine.readout(states)

    return blockwise(restore)
