"""The spec of an automaton: its lattice, the shape of its rule, and its gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from golden.errors import InputError

__all__ = ["BOUNDARIES", "MAPPINGS", "Gate", "Spec", "fields_of"]

BOUNDARIES = ("zero", "wrap")
"""Neighbours beyond the edges of the lattice: the state code 0, or the cells of the other edge."""

MAPPINGS = ("nearest2", "phase4")
"""How a delta, a quarter as large as the lattice, is added to its cells."""

MAX_CHANNELS = 16
MAX_MULTIPLIER = 8  # up to here every accumulator stays below 2**24, exact in float32


def fields_of(cls: type, values: object, place: str) -> dict[str, Any]:
    """Return ``values`` as a dict if it is one with exactly the fields of ``cls``."""
    names = [field.name for field in fields(cls)]
    return exact_keys(values, names, place)


def exact_keys(values: object, names: list[str], place: str) -> dict[str, Any]:
    """Return ``values`` as a dict if it is one with exactly the keys ``names``."""
    if not isinstance(values, Mapping):
        raise InputError(f"{place} must be an object with the keys {', '.join(names)}")
    for name in names:
        if name not in values:
            raise InputError(f"{place} must have the key {name!r}")
    for name in values:
        if name not in names:
            raise InputError(f"{place} must not have the key {name!r}")
    return dict(values)


def require_integer(value: object, place: str, allowed: range) -> None:
    """Raise unless ``value`` is an integer within ``allowed``."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        low, high = allowed[0], allowed[-1]
        raise InputError(f"{place} must be an integer from {low} to {high}, not {value!r}")


def require_choice(value: object, place: str, choices: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise InputError(f"{place} must be one of {', '.join(choices)}, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Where and when the host network reads and writes the lattice.

    Steps count from 1. The first opening is after step `start`, the others follow every `every`
    steps.
    """

    input_channel: int
    output_channel: int
    start: int
    every: int = 1
    mapping: str = "nearest2"

    def __post_init__(self) -> None:
        require_integer(self.input_channel, "gate.input_channel", range(MAX_CHANNELS))
        require_integer(self.output_channel, "gate.output_channel", range(MAX_CHANNELS))
        require_integer(self.start, "gate.start", range(1, 1 << 16))
        require_integer(self.every, "gate.every", range(1, 1 << 16))
        require_choice(self.mapping, "gate.mapping", MAPPINGS)

    @property
    def period(self) -> int:
        """Steps after which the gate acts on an unchanged lattice as before."""
        return self.every * (4 if self.mapping == "phase4" else 1)

    def is_open(self, step: int) -> bool:
        """Whether the gate acts after ``step``."""
        return step >= self.start and (step - self.start) % self.every == 0

    def phase(self, step: int) -> tuple[int, int] | None:
        """Row and column parity of the cells that a delta after ``step`` changes; None for all."""
        if self.mapping == "nearest2":
            return None
        opening = (step - self.start) // self.every
        return opening // 2 % 2, opening % 2

    def next_opening(self, step: int) -> int:
        """Return the first opening after ``step``."""
        if step < self.start:
            return self.start
        return step + self.every - (step - self.start) % self.every

    def openings(self, step: int, end: int) -> int:
        """Return the number of openings after ``step``, up to and including ``end``."""
        return max(0, 1 + (end - self.next_opening(step)) // self.every)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One automaton: its lattice, its rule's shape and its gate."""

    height: int = 32
    width: int = 32
    channels: int = 16
    multiplier: int = 5
    steps: int = 10
    boundary: str = "zero"
    image: int = 28
    gate: Gate | None = None

    def __post_init__(self) -> None:
        require_integer(self.height, "spec.height", range(4, 257))
        require_integer(self.width, "spec.width", range(4, 257))
        require_integer(self.channels, "spec.channels", range(1, MAX_CHANNELS + 1))
        require_integer(self.multiplier, "spec.multiplier", range(1, MAX_MULTIPLIER + 1))
        require_integer(self.steps, "spec.steps", range(1, 1 << 16))
        require_choice(self.boundary, "spec.boundary", BOUNDARIES)
        require_integer(self.image, "spec.image", range(1, min(self.height, self.width) + 1))
        for name in ("height", "width"):
            if getattr(self, name) % 2:
                raise InputError(f"spec.{name} must be even, not {getattr(self, name)!r}")
            if (getattr(self, name) - self.image) % 2:
                raise InputError(
                    f"spec.image must leave an even margin in spec.{name}, not {self.image!r}"
                )
        if self.gate is not None:
            for name in ("input_channel", "output_channel"):
                require_integer(getattr(self.gate, name), f"gate.{name}", range(self.channels))

    @property
    def cells(self) -> int:
        """Number of cells, which is also the number of codes in a gate plane."""
        return self.height * self.width

    @property
    def filters(self) -> int:
        """Number of perception filters."""
        return self.channels * self.multiplier

    @property
    def deltas(self) -> int:
        """Number of codes in a delta: one for each 2 x 2 cells."""
        return self.cells // 4

    @property
    def margins(self) -> tuple[int, int]:
        """Cells above and to the left of the image."""
        return (self.height - self.image) // 2, (self.width - self.image) // 2

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the lattice that hold the image."""
        top, left = self.margins
        return slice(top, top + self.image), slice(left, left + self.image)

    @property
    def lattice(self) -> tuple[int, int, int]:
        """Shape of one state: channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def ungated(self) -> Spec:
        """The lattice and the rule's shape without the gate: all that a chip is built for."""
        return replace(self, steps=Spec.steps, gate=None)

    @classmethod
    def from_json(cls, values: object) -> Spec:
        """Build a spec from the result of `to_json`; it must have all keys and no others."""
        found = fields_of(cls, values, "spec")
        if found["gate"] is not None:
            found["gate"] = Gate(**fields_of(Gate, found["gate"], "spec.gate"))
        return cls(**found)

    def to_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON values."""
        return asdict(self)
