"""Kinds of damage in words; without numpy, so that the command line starts fast.

    0.7  blank:0.7     this share of the pixels, chosen at random, becomes 0
    block:0.5          a square in the middle, this share of the side, becomes 0
    occlusion:0.3      a rectangle somewhere, about this share of the area, becomes 0
    noise:76.5         Gaussian noise of so many grey levels
    blank:0.7,block    a mixture: image i of a data set has kind i modulo their number
    mixture            all four

A kind without a number has the one above. Training and evaluation take the same words.
"""

from __future__ import annotations

from typing import NamedTuple

from golden.errors import InputError
from sw.data.protocol import SHARE

__all__ = ["HELP", "Part", "parse", "parts_of"]

HELP = "share of the pixels that is blanked, or block, occlusion, noise, mixture; see docs/yours.md"

USUAL = {"blank": SHARE, "block": 0.5, "occlusion": 0.3, "noise": 76.5}
"""Each kind, and how much of it unless given."""

MOST = {"blank": 1.0, "block": 1.0, "occlusion": 1.0, "noise": 255.0}
MIXTURE = "mixture"


class Part(NamedTuple):
    """One kind of damage, and how much of it: a share, or grey levels of noise."""

    kind: str
    amount: float

    def __str__(self) -> str:
        return f"{self.kind}:{self.amount:g}"


def parse(text: str | float) -> float | str:
    """Return damage as it is kept: a number for a blanked share, else its parts, spelt out."""
    parts = parts_of(text)
    if len(parts) == 1 and parts[0].kind == "blank":
        return parts[0].amount
    return ",".join(map(str, parts))


def parts_of(damage: str | float) -> tuple[Part, ...]:
    """Return the parts of a damage; more than one are a mixture."""
    words = list(USUAL) if damage == MIXTURE else str(damage).split(",")
    return tuple(map(part_of, words))


def part_of(word: str) -> Part:
    """Return the part that a word names."""
    kind, colon, number = word.strip().partition(":")
    if not colon and kind not in USUAL:
        kind, colon, number = "blank", ":", kind
    try:
        amount = float(number) if colon else USUAL[kind]
        most = MOST[kind]
    except (ValueError, KeyError):
        names = ", ".join([*USUAL, MIXTURE])
        raise InputError(
            f"damage must be a share from 0 to 1, or of {names}, not {word!r}"
        ) from None
    if not 0 <= amount <= most:  # in this form, nan is refused too
        raise InputError(f"damage must be from 0 to {most:g} for {kind}, not {number}")
    return Part(kind, amount)
