"""A run that can be interrupted: signals are noted, and a clock says when to save."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sw.runs.processes import leads

__all__ = ["Clock", "Stopped", "interruptions"]

SAVE_SECONDS = 60.0
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(Exception):
    """The run was told to stop, and its checkpoint is written."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}; the same command goes on from here")
        self.number = number


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Give a list that receives the number of a SIGTERM, SIGINT or SIGHUP instead of dying of it.

    A run that `Stopped` because of one ends the process as such a signal would. Beside the main
    thread, which alone may receive signals, the list stays empty.
    """
    received: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    previous = {
        number: signal.signal(number, lambda got, frame: received.append(got))
        for number in (STOPPING if main else ())
        if signal.getsignal(number) not in (signal.SIG_IGN, None)  # as nohup has it
    }
    try:
        yield received
    except Stopped as stopped:
        if leads():
            print(stopped, file=sys.stderr)
        raise SystemExit(128 + stopped.number) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Clock:
    """The time of a run: how long it took, how long it will take, whether to save.

    Parameters
    ----------
    seconds, batch
        Where the run is: its time before this process, and the batches that are done.
    """

    def __init__(self, seconds: float, batch: int) -> None:
        self.before, self.first = seconds, batch
        self.begin = self.saved = self.now = time.monotonic()

    def tick(self) -> float:
        """Look at the time; return the seconds of the whole run."""
        self.now = time.monotonic()
        return self.before + self.now - self.begin

    def minutes_left(self, batch: int, total: int) -> float:
        """Return how long the batches that are left take, at this process's pace."""
        return (self.now - self.begin) / (batch - self.first) * (total - batch) / 60

    def save_is_due(self) -> bool:
        """Whether the last checkpoint is more than a minute old; the next one is written now."""
        due = self.now - self.saved > SAVE_SECONDS
        if due:
            self.saved = self.now
        return due
