"""The terminal: what is printed is printed as it is, on any terminal."""

from __future__ import annotations

from rich.console import Console

__all__ = ["console"]

NARROWEST = 80
"""Columns of a table at least: numbers are wrapped by a narrow terminal, but not lost."""


def console(*, stderr: bool = False) -> Console:
    """Return a console of rich that takes brackets and colons in names for what they are.

    Made when it is used: tests and progress bars put other streams in the place of the first ones.
    """
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not stderr:  # rich leaves out what a narrow terminal has no room for
        made.width = max(made.width, NARROWEST)
    return made
