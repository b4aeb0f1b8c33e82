"""Liberty files: what a standard cell is, how large, and how long it takes."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from golden.errors import InputError, reason
from golden.files import read_bytes
from hw.asic.tables import Table, table_of

__all__ = ["Arc", "Cell", "Group", "Library", "Pin", "parse", "read_liberty"]

TOKEN = re.compile(r'"[^"]*"|[{}();:,]|[^\s{}();:,"\\]+')
SKIP = re.compile(r"/\*.*?\*/|\\\r?\n", re.DOTALL)
EDGES = ("rise", "fall")
LARGEST = 1 << 28
"""Bytes of a file that is read."""


@dataclass
class Group:
    """A group of a liberty file: ``kind (arguments) { … }``."""

    kind: str
    arguments: list[str]
    values: dict[str, list[str]] = field(default_factory=dict)
    """Attributes, simple and complex; of one that is there more than once, the last."""
    groups: list[Group] = field(default_factory=list)

    def number(self, name: str, default: float | None = None) -> float | None:
        """Return an attribute as a number."""
        return float(self.values[name][0]) if name in self.values else default

    def text(self, name: str) -> str:
        """Return an attribute as text, empty where there is none."""
        return self.values.get(name, [""])[0]

    def of(self, kind: str) -> Iterator[Group]:
        """Yield the groups of a kind."""
        return (group for group in self.groups if group.kind == kind)


@dataclass(frozen=True)
class Pin:
    """A pin of a cell; capacitances in pF."""

    direction: str
    capacitance: float
    loads: Mapping[str, float]
    """The most that it may load its net with while that rises, and while it falls."""
    most: float | None
    """Largest load of an output."""
    fanout: float | None
    clock: bool


@dataclass(frozen=True)
class Arc:
    """Delay from a pin to an output, or a constraint of an input against a clock.

    Tables are by the edge of the pin that the arc ends in: ``rise`` and ``fall``.
    """

    source: str
    target: str
    kind: str
    sense: str
    delay: Mapping[str, Table]
    transition: Mapping[str, Table]

    @property
    def is_setup(self) -> bool:
        """Whether it tells how long before the clock's edge the input must hold still."""
        return self.kind in ("setup_rising", "setup_falling", "clock_gating_setup_rising")

    @property
    def is_delay(self) -> bool:
        """Whether it is a delay of data or of a clock's edge, and not of a reset."""
        return self.kind in ("", "combinational", "rising_edge", "falling_edge")

    @property
    def is_launch(self) -> bool:
        """Whether it begins at a clock's edge."""
        return self.kind in ("rising_edge", "falling_edge")


@dataclass(frozen=True)
class Cell:
    """A standard cell; its area in square micrometres."""

    name: str
    area: float
    pins: Mapping[str, Pin]
    arcs: tuple[Arc, ...]
    is_flop: bool
    is_latch: bool
    is_gate: bool
    """Whether it gates a clock."""


class Library:
    """The cells of a liberty file, each read when it is asked for.

    Parameters
    ----------
    group : Group
        The file's ``library`` group.
    """

    def __init__(self, group: Group) -> None:
        self.name = group.arguments[0] if group.arguments else ""
        self.group = group
        self._cells: dict[str, Cell] = {}

    @cached_property
    def found(self) -> dict[str, Group]:
        """The group of each cell, by its name."""
        return {cell.arguments[0]: cell for cell in self.group.of("cell")}

    @cached_property
    def conditions(self) -> tuple[float, float]:
        """Voltage and temperature of the corner."""
        for group in self.group.of("operating_conditions"):
            volts, degrees = group.number("voltage"), group.number("temperature")
            if volts is not None and degrees is not None:
                return volts, degrees
        return self.group.number("nom_voltage", 0.0) or 0.0, self.group.number(
            "nom_temperature", 0.0
        ) or 0.0

    @cached_property
    def fanout(self) -> float | None:
        """Most inputs that an output drives where its pin says nothing."""
        return self.group.number("default_max_fanout")

    def cell(self, name: str) -> Cell:
        """Return a cell; raise `InputError` where there is none of that name."""
        if name not in self.found:
            raise InputError(f"The library {self.name} must have the cell {name!r}")
        if name not in self._cells:
            self._cells[name] = cell_of(self.group, self.found[name])
        return self._cells[name]


def read_liberty(path: Path) -> Library:
    """Read a liberty file, packed with gzip or not."""
    return Library(parse(liberty_text(path), str(path)))


def liberty_text(path: Path) -> str:
    """Return the text of a liberty file."""
    data = read_bytes(path, LARGEST)
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} must be a whole gzip file: {reason(error)}") from error
    return data.decode("utf-8", errors="replace")


def parse(text: str, name: str) -> Group:
    """Parse a liberty file; ``name`` is what an error calls it."""
    tokens = TOKEN.findall(SKIP.sub(" ", text))
    wrong = InputError(f"{name} must be a liberty file: a whole group 'library (…) {{ … }}'")
    if tokens[:2] != ["library", "("] or len(tokens) < 6:
        raise wrong
    root = Group("", [])
    try:
        end = statements(tokens, 0, root)
    except (IndexError, ValueError) as error:
        raise wrong from error
    if end != len(tokens) or len(root.groups) != 1:
        raise wrong
    return root.groups[0]


def statements(tokens: list[str], place: int, group: Group) -> int:
    """Read a group's statements from a place on; return the place of the bracket that ends it."""
    while place < len(tokens) and tokens[place] != "}":
        word = tokens[place]
        if word == ";":
            place += 1
        elif tokens[place + 1] == ":":
            place += 2
            begin = place
            while tokens[place] not in (";", "}"):
                place += 1
                if tokens[place - 1].startswith('"') or tokens[place] not in (":", ","):
                    break  # a statement may end without a semicolon
            group.values[word] = [tokens[begin].strip('"')]
        elif tokens[place + 1] == "(":
            end = tokens.index(")", place)
            given = [token.strip('"') for token in tokens[place + 2 : end] if token != ","]
            place = end + 1
            if place < len(tokens) and tokens[place] == "{":
                inner = Group(word, given)
                place = statements(tokens, place + 1, inner)
                if tokens[place] != "}":
                    raise ValueError(f"Group {word!r} must end")
                group.groups.append(inner)
                place += 1
            else:
                group.values[word] = given
        else:
            raise ValueError(f"Statement must be an attribute or a group, not {word!r}")
    return place


def cell_of(library: Group, group: Group) -> Cell:
    """Return a cell from its group."""
    pins, arcs = {}, []
    for pin in group.of("pin"):
        for name in pin.arguments:
            pins[name] = pin_of(library, pin)
            for timing in pin.of("timing"):
                arcs += arcs_of(library, name, timing)
    return Cell(
        name=group.arguments[0],
        area=group.number("area", 0.0) or 0.0,
        pins=pins,
        arcs=tuple(arcs),
        is_flop=any(group.of("ff")),
        is_latch=any(group.of("latch")),
        is_gate="clock_gating_integrated_cell" in group.values,
    )


def pin_of(library: Group, group: Group) -> Pin:
    """Return a pin from its group."""
    direction = group.text("direction")
    default = library.number(f"default_{direction}_pin_cap", 0.0) or 0.0
    names = ("capacitance", *(f"{edge}_capacitance" for edge in EDGES))
    found = [float(group.values[name][0]) for name in names if name in group.values]
    capacitance = max(found, default=default)
    return Pin(
        direction=direction,
        capacitance=capacitance,
        loads={edge: edge_load(group, edge, capacitance) for edge in EDGES},
        most=group.number("max_capacitance", library.number("default_max_capacitance")),
        fanout=group.number("max_fanout", library.number("default_max_fanout")),
        clock=group.text("clock") == "true",
    )


def edge_load(group: Group, edge: str, otherwise: float) -> float:
    """Return the most that a pin may load its net with on an edge: the end of its range."""
    names = (f"{edge}_capacitance_range", f"{edge}_capacitance")
    return next(
        (float(group.values[name][-1]) for name in names if name in group.values), otherwise
    )


def arcs_of(library: Group, target: str, timing: Group) -> Iterator[Arc]:
    """Yield the arcs of a timing group: one a related pin."""
    constraint = {
        edge: table_of(library, group)
        for edge in EDGES
        for group in timing.of(f"{edge}_constraint")
    }
    delay = {
        edge: table_of(library, group) for edge in EDGES for group in timing.of(f"cell_{edge}")
    }
    transition = {
        edge: table_of(library, group)
        for edge in EDGES
        for group in timing.of(f"{edge}_transition")
    }
    for source in timing.text("related_pin").split():
        yield Arc(
            source=source,
            target=target,
            kind=timing.text("timing_type"),
            sense=timing.text("timing_sense"),
            delay=delay or constraint,
            transition=transition,
        )
