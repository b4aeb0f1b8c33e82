"""Tables of a liberty file: a delay or a transition over two variables."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from golden.errors import InputError

__all__ = ["Table", "table_of"]

FIRST = ("input_net_transition", "constrained_pin_transition", "input_transition_time")
"""Variables that are the transition of the pin that a delay begins at, or that is constrained."""

TEMPLATES = ("lu_table_template", "power_lut_template")


@dataclass(frozen=True)
class Table:
    """Values over two variables; between them and beyond them it is linear.

    ``swapped`` where the first variable of the file is not the transition.
    """

    rows: tuple[float, ...]
    columns: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    swapped: bool = False

    def at(self, transition: float, other: float) -> float:
        """Return the value for a transition and a load, or the clock's transition."""
        one, two = (other, transition) if self.swapped else (transition, other)
        row, u = place(self.rows, one)
        column, v = place(self.columns, two)
        if len(self.rows) == 1:
            upper = lower = self.values[0]
        else:
            upper, lower = self.values[row], self.values[row + 1]
        if len(self.columns) == 1:
            return upper[0] + u * (lower[0] - upper[0])
        first = upper[column] + v * (upper[column + 1] - upper[column])
        second = lower[column] + v * (lower[column + 1] - lower[column])
        return first + u * (second - first)


def place(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    """Return between which entries of an axis a value is, and how far along."""
    if len(axis) == 1:
        return 0, 0.0
    index = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
    return index, (value - axis[index]) / (axis[index + 1] - axis[index])


def table_of(library: Any, group: Any) -> Table:
    """Return a table from its group, as `hw.asic.liberty.parse` reads it.

    Its axes may be those of its template.
    """
    template = next(
        (
            found
            for kind in TEMPLATES
            for found in library.of(kind)
            if found.arguments[:1] == group.arguments[:1]
        ),
        None,
    )
    axes = []
    for name in ("index_1", "index_2"):
        text = group.values.get(name) or (template.values.get(name) if template else None)
        axes.append(numbers(text) if text else (0.0,))
    values = tuple(numbers([row]) for row in group.values.get("values", []))
    rows, columns = axes
    if len(values) == 1 and len(rows) > 1 and len(columns) == 1:
        values = tuple((value,) for value in values[0])
    if len(values) != len(rows) or any(len(row) != len(columns) for row in values):
        raise InputError(
            f"The library {library.arguments[0]} must have {len(rows)} x {len(columns)} values "
            f"in a table {group.arguments}"
        )
    first = template.text("variable_1") if template else FIRST[0]
    return Table(rows, columns, values, swapped=first not in FIRST and bool(first))


def numbers(texts: list[str]) -> tuple[float, ...]:
    """Return the numbers of an attribute, apart by commas or spaces."""
    return tuple(float(word) for text in texts for word in text.replace(",", " ").split())
