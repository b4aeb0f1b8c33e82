"""The rows of the table and the points of the curves: measured, or read from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from sw.experiments.table.measure import DAMAGES, KEYS, Store, known, point, row
from sw.experiments.table.subject import Progress, Subject
from sw.judge.evaluate import Judged
from sw.judge.referee import Referee

__all__ = ["CURVE", "curves", "rows"]

CURVE = 2000
"""Number of digits for a point of a curve."""

Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows a progress bar for a number of digits, with a label."""


def rows(
    subjects: Iterable[Subject],
    digits: Judged,
    store: Store,
    bar: Bar,
    referee: Referee | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of the table; read from the store what was measured before.

    The shipped referee judges unless another is given; then the store must be one of its own.
    """
    referee, table = referee or Referee.load(), []
    for subject in subjects:
        some = first(digits, subject.most)

        def make(subject: Subject = subject, some: Judged = some) -> dict[str, Any]:
            with bar(subject.name, len(some.images)) as progress:
                return row(subject, some, referee, progress)

        values = known(subject, some) | store.get(subject, some, "row", make)
        table.append({key: values[key] for key in KEYS})
    return table


def curves(
    subjects: Iterable[Subject], digits: Judged, store: Store, bar: Bar
) -> list[dict[str, Any]]:
    """Return the points of all curves; read from the store what was measured before."""
    referee, points = Referee.load(), []
    some = first(digits, CURVE)
    for subject in subjects:
        for damage in DAMAGES if subject.curve else ():

            def make(subject: Subject = subject, damage: str = damage) -> dict[str, Any]:
                with bar(f"{subject.name}, {damage}", len(some.images)) as progress:
                    return point(subject, some, damage, referee, progress)

            points.append(store.get(subject, some, damage, make))
    return points


def first(digits: Judged, most: int | None) -> Judged:
    """Return the first ``most`` digits, None for all."""
    assert digits.labels is not None
    return Judged(digits.rows, digits.images[:most], digits.labels[:most])
