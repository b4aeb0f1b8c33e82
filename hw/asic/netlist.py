"""A mapped netlist: cells of a library and macros, as Yosys writes them in JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from golden.errors import InputError
from hw.asic.liberty import Library

__all__ = ["Instance", "Netlist", "is_macro"]

Bit = int | str
"""A net, or a constant: ``0``, ``1`` or ``x``."""


def is_macro(kind: str) -> bool:
    """Whether a module is a memory of `hw.asic.macros`."""
    return kind.startswith(("ram1_", "ram_", "rom_"))


@dataclass(frozen=True)
class Instance:
    """A cell of a netlist: its name, what it is, and the net of each pin."""

    name: str
    kind: str
    pins: Mapping[str, list[Bit]]
    outputs: frozenset[str]


class Netlist:
    """The top module of a mapped design.

    Parameters
    ----------
    found : dict
        What Yosys wrote.
    top : str
        The module's name.
    """

    def __init__(self, found: Mapping[str, Any], top: str) -> None:
        self.module = found["modules"][top]
        self.top = top

    @cached_property
    def instances(self) -> list[Instance]:
        """Every cell."""
        return [
            Instance(
                name.removeprefix("$flatten").replace("\\", ""),
                cell["type"],
                cell["connections"],
                frozenset(pin for pin, way in cell["port_directions"].items() if way == "output"),
            )
            for name, cell in self.module["cells"].items()
            if cell["type"] != "$scopeinfo"
        ]

    def ports(self, direction: str) -> Iterator[tuple[str, Bit]]:
        """Yield the name and the net of every bit of the ports of a direction."""
        for name, port in self.module["ports"].items():
            if port["direction"] == direction:
                for index, bit in enumerate(port["bits"]):
                    yield f"{name}[{index}]" if len(port["bits"]) > 1 else name, bit

    @cached_property
    def loads(self) -> dict[Bit, list[tuple[Instance, str]]]:
        """The inputs that each net drives."""
        found: dict[Bit, list[tuple[Instance, str]]] = defaultdict(list)
        for instance in self.instances:
            for pin, bits in instance.pins.items():
                if pin not in instance.outputs:
                    for bit in bits:
                        if isinstance(bit, int):
                            found[bit].append((instance, pin))
        return found

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many cells there are of each kind."""
        return Counter(instance.kind for instance in self.instances)

    def require_mapped(self, library: Library) -> None:
        """Raise unless every cell is of the library, or a macro."""
        for kind in self.kinds:
            if not is_macro(kind) and kind not in library.found:
                raise InputError(
                    f"The netlist must have cells of {library.name} alone, not {kind!r}"
                )
