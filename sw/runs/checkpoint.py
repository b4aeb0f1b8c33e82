"""Checkpoints as files: written whole, never with what is no number, and read with suspicion."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from golden.errors import InputError, reason
from golden.files import replacement, require_regular

__all__ = [
    "Diverged",
    "put",
    "read",
    "require_alike",
    "require_finite",
    "restore",
    "whole",
    "write",
]

MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")
"""What optimisers keep of each parameter in its own shape."""

ANEW = "must be a checkpoint: remove it to begin anew"

LARGEST = 16 << 30
"""Bytes of the largest checkpoint that is read."""


class Diverged(InputError):
    """What is trained is no number any more: the rate is too high."""

    def __init__(self, stage: str, batch: int, what: str = "the loss") -> None:
        super().__init__(
            f"{stage} batch {batch}: {what} is no number any more: try a lower "
            f"{RATES.get(stage, '--rate')}; the last checkpoint is from before that"
        )


RATES = {"hold": "--hold-rate", "qat": "--qat-rate", "baseline": "rate in its recipe"}
"""What sets a stage's learning rate; ``--rate`` for all others."""


def require_finite(values: object, stage: str, batch: int) -> None:
    """Raise `Diverged` unless all numbers in tensors, lists and dictionaries are finite."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for value in values:
            require_finite(value, stage, batch)
    elif (isinstance(values, float) and not math.isfinite(values)) or (
        isinstance(values, Tensor)
        and values.is_floating_point()
        and not bool(values.isfinite().all())
    ):
        raise Diverged(stage, batch, "a weight")


def write(values: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, whole or not at all, and down to the disk: power may fail."""
    buffer = io.BytesIO()
    torch.save(values, buffer)
    with replacement(path) as temporary, temporary.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, device: str) -> dict[str, Any]:
    """Return what a checkpoint holds; any other file is an `InputError`."""
    require_regular(path, LARGEST)  # a pipe would be waited for
    with whole(path):
        values = torch.load(path, map_location=device, weights_only=True)
        if not isinstance(values, dict):
            raise TypeError("another kind of file")
    return values


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Turn whatever a damaged checkpoint makes PyTorch and us raise into one line."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except OSError as error:
        if error.errno is None:
            raise InputError(f"{path} {ANEW}") from error
        raise InputError(f"{path} must be a readable file: {reason(error)}") from error
    except Exception as error:  # a broken file is found out in many ways
        raise InputError(f"{path} {ANEW}") from error


def require_alike(tensors: Sequence[Tensor], models: Sequence[Tensor]) -> None:
    """Raise unless tensors have the shapes and kinds of those of a model."""
    for tensor, model in zip(tensors, models, strict=True):
        if tensor.shape != model.shape or tensor.dtype != model.dtype:
            raise ValueError(f"{tuple(tensor.shape)} in the place of {tuple(model.shape)}")


@torch.no_grad()
def put(values: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
    """Put values in the parameters' place; shapes must be theirs."""
    require_alike(values, parameters)
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def restore(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Give an optimiser the state that it had; what it keeps must fit its parameters."""
    optimiser.load_state_dict(state)
    for parameter, kept in optimiser.state.items():
        moments = [kept[name] for name in MOMENTS if name in kept]
        require_alike(moments, [parameter] * len(moments))
