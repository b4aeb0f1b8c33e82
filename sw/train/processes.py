"""Training in several processes, started by ``torchrun``: each takes its share of every batch.

All draw the same batch, and learn from the mean of their gradients, so that they stay alike and
end as one process with the whole batch would, but for the order of sums. The first process alone
prints and writes. Without torchrun everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, distributed

from golden.errors import InputError

__all__ = ["average", "joined", "leads", "meet", "place", "share", "told"]


@contextmanager
def joined(batch: int) -> Iterator[None]:
    """Join the processes that torchrun started; ``batch`` must be a multiple of their number."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if batch % count:
        raise InputError(f"batch must be a multiple of the {count} processes, not {batch}")
    if count == 1:
        yield
        return
    distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def place() -> tuple[int, int]:
    """Return which process this is, and of how many."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def leads() -> bool:
    """Whether this is the process that prints and writes."""
    return place()[0] == 0


def meet() -> None:
    """Wait until all processes are here."""
    if place()[1] > 1:
        distributed.barrier()


def share(batch: Tensor) -> Tensor:
    """Return this process's part of a batch."""
    rank, count = place()
    return batch if count == 1 else batch.chunk(count)[rank]


def average(tensors: Sequence[Tensor]) -> None:
    """Put the mean over the processes in the tensors' place."""
    _, count = place()
    if count == 1:
        return
    whole = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(whole)
    parts = (whole / count).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def told(received: list[int]) -> list[int]:
    """Return the numbers of signals that any process received; all get the same answer."""
    if place()[1] == 1:
        return received
    number = torch.tensor(max(received, default=0))
    distributed.all_reduce(number, distributed.ReduceOp.MAX)
    return [int(number)] if number else []
