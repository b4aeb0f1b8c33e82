"""The shipped weights of the trained baselines."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load
from torch import nn

from golden.errors import InputError, reason
from golden.files import is_file, read_bytes
from sw.model.baselines.models import MODELS, build
from sw.runs.ordinary import ordinary

__all__ = ["SHIPPED", "load_shipped", "place_of", "weights_of"]

SHIPPED = Path(__file__).parent / "weights"


def weights_of(name: str, folder: Path = SHIPPED) -> Path:
    """Return the path of a baseline's weights; raise if there are none."""
    path = folder / f"{name}.safetensors"
    if not is_file(path):
        raise InputError(f"{path} must be there: thalweg baseline {name} --ship makes it")
    return path


def place_of(name: str, folder: Path) -> Path | None:
    """Return where a baseline's files lie: a folder, or its run's own in it; None if nowhere."""
    places = (folder, folder / name)
    return next((each for each in places if is_file(each / f"{name}.safetensors")), None)


@ordinary()
def load_shipped(name: str, folder: Path = SHIPPED) -> nn.Module:
    """Return a trained baseline, float32."""
    if name not in MODELS:
        raise InputError(f"Baseline must be one of {', '.join(MODELS)}, not {name!r}")
    path, network = weights_of(name, folder), build(name)
    try:
        tensors = {key: tensor.float() for key, tensor in load(read_bytes(path)).items()}
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("not all are numbers")
        network.load_state_dict(tensors)
    except Exception as error:  # safetensors and torch have their own exceptions
        raise InputError(f"{path} must hold the weights of {name}: {reason(error)}") from error
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
