"""Training in several processes, started by ``torchrun``: each takes its share of every batch.

All draw the same batch, and learn from the mean of their gradients, so that they stay alike and
end as one process with the whole batch would, but for the order of sums. The first process alone
prints and writes. Without torchrun everything here does nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, distributed

from golden.errors import InputError, reason
from golden.files import lock

__all__ = ["average", "exclude_others", "gather_signals", "join", "leads", "meet", "place", "share"]

TORCHRUN = ("RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets beside WORLD_SIZE."""
MOST = 4096


@contextmanager
def join(batch: int) -> Iterator[None]:
    """Join the processes that torchrun started; ``batch`` must be a multiple of their number."""
    count = world_size()
    if batch % count:
        raise InputError(f"batch must be a multiple of the {count} processes, not {batch}")
    if count == 1:
        yield
        return
    print(f"waiting for all {count} processes", file=sys.stderr, flush=True)
    try:
        with mortal():
            socket.getaddrinfo(os.environ["MASTER_ADDR"], None)  # else PyTorch asks for minutes
            distributed.init_process_group("gloo")
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"the {count} processes must find each other: {reason(error)}") from error
    try:
        yield
    finally:
        distributed.destroy_process_group()


@contextmanager
def mortal() -> Iterator[None]:
    """Let signals end the process at once: PyTorch waits where Python's handlers are not run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handled = {number: signal.getsignal(number) for number in ends}
    try:
        for number, handler in handled.items():
            if callable(handler):
                signal.signal(number, signal.SIG_DFL)
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


def world_size() -> int:
    """Return how many processes torchrun says that it has started; 1 without it."""
    text = os.environ.get("WORLD_SIZE", "").strip()
    if text in ("", "1"):
        return 1
    if not (text.isdecimal() and 0 < int(text[:9]) <= MOST):
        raise InputError(f"WORLD_SIZE must be a number of processes up to {MOST}, not {text!r}")
    lacks = [name for name in TORCHRUN if not os.environ.get(name)]
    if lacks:
        raise InputError(
            f"WORLD_SIZE is {text}, but {', '.join(lacks)} not set: start the processes "
            "with torchrun, or unset WORLD_SIZE to train in one"
        )
    for name, values in (("RANK", range(int(text))), ("MASTER_PORT", range(1, 1 << 16))):
        found = os.environ[name]
        if not (found.isdecimal() and int(found[:9]) in values):
            raise InputError(f"{name} must be from {values[0]} to {values[-1]}, not {found!r}")
    return int(text)


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


@contextmanager
def exclude_others(folder: Path) -> Iterator[None]:
    """Keep other runs out of a run's folder; wait for one that is in it.

    Two that write there in turn would leave parts of both.
    """
    if not leads():
        meet()
        yield
        return

    def waits() -> None:
        print(f"waiting for another run in {folder}", file=sys.stderr, flush=True)

    with lock(folder, waits):
        meet()
        yield


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


def gather_signals(received: list[int]) -> list[int]:
    """Return the numbers of signals that any process received; all get the same answer."""
    if place()[1] == 1:
        return received
    number = torch.tensor(max(received, default=0))
    distributed.all_reduce(number, distributed.ReduceOp.MAX)
    return [int(number)] if number else []
