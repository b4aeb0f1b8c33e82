"""The table and the curves, from what there is to what is kept."""

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
"""Digits that a point of a curve is measured on."""

Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows the progress of a number of digits under a label."""


def rows(
    subjects: Iterable[Subject], digits: Judged, store: Store, bar: Bar
) -> list[dict[str, Any]]:
    """Return the table's rows; those measured before are read from the store."""
    referee, table = Referee.load(), []
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
    """Return the points of every curve; those measured before are read from the store."""
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
    """Return the first digits."""
    return Judged(digits.rows, digits.images[:most], digits.labels[:most])
