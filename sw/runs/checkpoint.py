"""Checkpoints: written whole, never with what is no number, and read with suspicion."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from golden.errors import InputError, reason
from golden.files import exists, replacement, require_regular
from sw.runs.processes import leads

__all__ = [
    "Checkpoint",
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

NAME = "checkpoint.pt"
"""Of the file, in the run's folder."""

ANEW = "must be a checkpoint: remove it to begin anew"

LARGEST = 16 << 30
"""Bytes of the largest checkpoint that is read."""


Run = TypeVar("Run")


@dataclass(frozen=True)
class Checkpoint:
    """A run's checkpoint: its file, and the text that two runs share if they must end alike."""

    path: Path
    identity: str

    @classmethod
    def in_folder(cls, folder: Path, identity: str) -> Checkpoint:
        """Return the checkpoint of the run that has this folder."""
        return cls(folder / NAME, identity)

    def exists(self) -> bool:
        """Whether there is a run to go on with."""
        return exists(self.path)

    def save(self, values: dict[str, Any], stage: str, batch: int) -> None:
        """Write what a run holds after a batch of a stage; of several processes the first writes.

        What is no number is never written: `Diverged`.
        """
        if not leads():
            return
        require_finite(values, stage, batch)
        write(values | {"identity": self.identity}, self.path)

    def resume(self, device: str, make: Callable[[dict[str, Any]], Run]) -> Run:
        """Return what ``make`` makes of the values kept; it may raise anything on damaged ones."""
        values = read(self.path, device)
        if values.get("identity") != self.identity:
            raise InputError(
                f"{self.path} must be of a run with these options and data: remove it to begin "
                f"anew, or choose another folder than {self.path.parent.name!r}"
            )
        with whole(self.path):
            require_finite(values, "checkpoint", 0)
            return make(values)


class Diverged(InputError):
    """What is trained is no number any more: the rate is too high."""

    def __init__(self, stage: str, batch: int, what: str = "the loss") -> None:
        super().__init__(
            f"{stage} batch {batch}: {what} is no number any more: try a lower learning rate "
            "of this stage; the last checkpoint is from before that"
        )


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
