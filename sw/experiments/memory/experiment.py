"""An experiment as one object: what it measures, what it has to reach, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sw.experiments.kept import key_of
from sw.experiments.memory.task import Bar, Outcome, Results, Task

__all__ = ["Experiment"]


def no_bars(results: Results) -> list[Bar]:
    """Return no bar: the results are there to be seen."""
    return []


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A question that is put to a machine."""

    name: str
    version: int
    """Raised by whoever changes what `measure` returns: results of other versions are not used."""
    measure: Callable[[Task], Outcome]
    tabulate: Callable[[Results], str]
    """Returns its tables for docs/memory.md."""
    draw: Callable[[Outcome, Path], list[Path]]
    """Writes its pictures to a folder and returns their paths."""
    bars: Callable[[Results], list[Bar]] = no_bars
    """Returns what its results have to reach."""
    needs_gate: bool = False
    needs_letters: bool = False
    besides: tuple[Path, ...] = ()
    """Files that decide its results, besides its task."""

    def key(self, task: Task) -> str:
        """Return the digest of all that decides its results on a task."""
        identity = task.identity(letters=self.needs_letters)
        return key_of(self.name, self.version, identity, self.besides)[:16]
