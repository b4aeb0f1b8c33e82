"""Files of float weights: the model before quantisation, from which another run can begin."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from golden import skeleton
from golden.errors import InputError
from golden.files import is_file, read_bytes, reading, replacement
from golden.spec import Spec
from sw.model.gate import Gate
from sw.model.rule import Rule

__all__ = ["FLOATS", "LATENT", "find", "models", "read", "write"]

FLOATS = "float.safetensors"
"""Name of the file of weights at the beginning of quantisation-aware training."""
LATENT = "latent.safetensors"
"""Name of the file of weights at its end: rounded, they are the skeleton's integers."""


def named_parameters(rule: Rule, gate: Gate | None) -> dict[str, nn.Parameter]:
    """Return all parameters by name: ``rule.…`` and ``gate.…``."""
    models: dict[str, nn.Module] = {"rule": rule} | ({"gate": gate} if gate else {})
    return {
        f"{prefix}.{name}": parameter
        for prefix, model in models.items()
        for name, parameter in model.named_parameters()
    }


def find(name: str) -> Path:
    """Return the path of float weights, given the file, a skeleton's folder or a shipped name."""
    path = Path(name)
    return path if is_file(path) else skeleton.find(name) / FLOATS


def write(rule: Rule, gate: Gate | None, path: Path) -> None:
    """Write the weights in half precision."""
    values = {name: p.detach().cpu().half() for name, p in named_parameters(rule, gate).items()}
    with replacement(path) as temporary:
        temporary.write_bytes(save(values))


def read(rule: Rule, gate: Gate | None, path: Path) -> None:
    """Replace the weights of the models by those of a file."""
    with reading(path, "a file of float weights"):
        values: dict[str, Tensor] = load(read_bytes(path))
    own = named_parameters(rule, gate)
    if {k: v.shape for k, v in values.items()} != {k: p.shape for k, p in own.items()}:
        raise InputError(f"{path} must hold the weights of this rule and gate, and holds others")
    for name, value in values.items():
        if value.dtype not in (torch.float16, torch.float32):
            raise InputError(f"{path} must hold half or single precision, not {value.dtype}")
        if not bool(value.isfinite().all()):
            raise InputError(f"{path} must hold numbers, and some in {name} are none")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(values[name])


def models(path: Path, spec: Spec) -> tuple[Rule, Gate | None]:
    """Return the float models of a file."""
    rule, gate = Rule(spec), Gate(spec) if spec.gate else None
    read(rule, gate, path)
    return rule.eval(), gate and gate.eval()
