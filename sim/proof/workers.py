"""Work in several processes, none of which outlives the one that asked for it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

from golden.errors import ToolError

__all__ = ["in_processes"]

Result = TypeVar("Result")

PARENT_ENDS = 1  # prctl's PR_SET_PDEATHSIG


def in_processes(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], workers: int
) -> Generator[Result, None, None]:
    """Yield what ``function`` returns for each tuple of arguments, in the order of their ends.

    The first exception ends all work, and so does whatever stops the caller. Raises `ToolError`
    where a process dies.
    """
    # Spawned, not forked: torch has threads of its own.
    context = get_context("spawn")
    workers = min(workers, len(jobs))
    with ProcessPoolExecutor(workers, context, prepare, (os.getpid(),)) as pool:
        try:
            with block_interrupts():
                chunks = [pool.submit(function, *job) for job in jobs]
                # The pool watches the processes it knew at the last submission, which is one too
                # few: the last one's death would be seen only when another has done its work.
                pool.submit(int)
            for done in as_completed(chunks):
                yield done.result()
        except BrokenProcessPool as error:
            raise ToolError(
                "a process of the simulation was ended, perhaps for lack of memory"
            ) from error
        except BaseException:
            for child in active_children():
                child.terminate()
            raise


@contextmanager
def block_interrupts() -> Iterator[None]:
    """Keep interrupts from the processes that are started: a terminal sends them to all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def prepare(parent: int) -> None:
    """End where the parent has ended, however it did."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_ENDS, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
