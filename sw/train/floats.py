"""The float models at the end of the warm-up, kept beside the skeleton that came of them."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save
from torch import nn

from golden.files import replacing
from sw.gate import Gate
from sw.rebuild import FLOAT
from sw.rule import Rule

__all__ = ["save_float"]


def save_float(rule: Rule, gate: Gate | None, folder: Path) -> Path:
    """Write the float models in half precision, as ``sw.rebuild.float_models`` reads them.

    ``rule`` and ``gate`` hold the averages that quantisation-aware training begins with.
    """
    assert rule.exponents is None, "the quantised rule is what the skeleton holds"
    models = nn.ModuleDict({"rule": rule} if gate is None else {"rule": rule, "gate": gate})
    tensors = {
        key: tensor.detach().cpu().half().contiguous()
        for key, tensor in models.state_dict().items()
    }
    path = folder / FLOAT
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors))
    return path
