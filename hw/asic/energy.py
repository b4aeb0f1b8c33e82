"""Energy of a mapped netlist: its toggles, times the liberty file's energies and capacitances.

An estimate: wires have no capacitance, the clock has no tree, glitches are not counted, memories
have no energy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from golden.errors import InputError
from hw.asic.clock_gates import gated_nets
from hw.asic.liberty import EDGES, Library
from hw.asic.netlist import Bit, Instance, Netlist, is_macro
from hw.asic.tables import Table, table_of
from hw.asic.timing import SLEW, Timing, loads

__all__ = ["Activity", "energy"]

WATTS = {"m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
NJ, PJ, NS, MW = 1e-9, 1e-12, 1e-9, 1e-3
"""A picojoule is a square volt times a picofarad: the unit of the tables."""


@dataclass(frozen=True)
class Activity:
    """What nets do in some clocks, seen once a clock: changes of each, and clocks in which it is 1.

    The clock is not among them.
    """

    clocks: int
    toggles: Mapping[Bit, int]
    ones: Mapping[Bit, int]


@dataclass(frozen=True)
class Group:
    """Energy of a cell when a pin toggles: a table an edge, in pJ.

    `source` is the input that an output follows, empty where the pin is an input; `always`,
    whether it holds whatever the other pins are.
    """

    source: str
    always: bool
    tables: tuple[Table, ...]

    def at(self, slew: float, load: float) -> float:
        """Return the mean of both edges."""
        return sum(table.at(slew, load) for table in self.tables) / len(EDGES)


def energy(
    netlist: Netlist, library: Library, activity: Activity, ns: float, clock: str = "clk"
) -> dict[str, Any]:
    """Return the energy of some clocks of ``ns`` each as JSON values, in nJ.

    A toggle costs half of the net's capacitance times the voltage squared, and what the tables of
    its driver and of the pins that it drives say for the transition that static timing finds. The
    clock toggles twice a clock; a gated one does where its gate is open.
    """
    timing, volts = Timing(netlist, library, clock), library.conditions[0]
    clocked = clocks(netlist, library, activity, clock)
    toggles = Counter(activity.toggles) | clocked
    found = {"clock": 0.0, "logic": 0.0}
    load = loads(netlist, library)
    for net, capacitance in load.items():
        found["clock" if net in clocked else "logic"] += toggles[net] * capacitance * volts**2 / 2
    inner = Inner(timing, load, toggles)
    for instance in netlist.instances:
        if not is_macro(instance.kind):
            for pin, net in ((pin, net) for pin, nets in instance.pins.items() for net in nets):
                share = "clock" if net in clocked else "logic"
                found[share] += toggles[net] * inner.per_toggle(instance, pin, net)
    seconds = activity.clocks * ns * NS
    joules = {name: value * PJ for name, value in found.items()}
    joules["leakage"] = leakage(netlist, library) * seconds
    return {
        "clocks": activity.clocks,
        "ns": ns,
        "toggles": sum(activity.toggles.values()),
        "nj": {name: round(value / NJ, 3) for name, value in joules.items()},
        "total_nj": round(sum(joules.values()) / NJ, 3),
        "mw": round(sum(joules.values()) / seconds / MW, 3),
    }


def clocks(netlist: Netlist, library: Library, activity: Activity, clock: str) -> Counter[Bit]:
    """Return the toggles of the clock, and of each gated one."""
    found = Counter({
        net: 2 * activity.clocks for name, net in netlist.ports("input") if name == clock
    })
    for enable, net in gated_nets(netlist, library):
        found[net] = 2 * open_clocks(activity, enable)
    return found


def open_clocks(activity: Activity, net: Bit) -> int:
    """Return in how many clocks a net or a constant is 1."""
    return activity.ones.get(net, 0) if isinstance(net, int) else int(net == "1") * activity.clocks


class Inner:
    """Energies within cells.

    Parameters
    ----------
    timing : Timing
        Transition of each net.
    load : dict
        Load of each net in pF.
    toggles : Counter
        How often each net changes.
    """

    def __init__(self, timing: Timing, load: Mapping[Bit, float], toggles: Counter[Bit]) -> None:
        self.timing, self.load, self.toggles = timing, load, toggles
        self.groups = cache(lambda kind, pin: [*groups(timing.library, kind, pin)])

    def per_toggle(self, instance: Instance, pin: str, net: Bit) -> float:
        """Return the energy of a cell when the net at one of its pins changes, in pJ.

        Of an input's tables, the one for all states of the cell counts, else the mean of all. Of an
        output's, the mean by the toggles of the inputs that they are for.
        """
        found: list[Group] = self.groups(instance.kind, pin)
        if pin not in instance.outputs:
            chosen = [group for group in found if group.always] or found
            return mean([(1, group.at(self.slew(net), 0.0)) for group in chosen])
        weighed = []
        for group in found:
            source = instance.pins[group.source][0]
            each = group.at(self.slew(source), self.load[net])
            weighed.append((self.toggles[source], each))
        return mean(weighed)

    def slew(self, net: Bit) -> float:
        """Return the mean transition of a net's edges; that of the clock is ideal."""
        if net in self.timing.clocks:
            return SLEW
        return sum(self.timing.slew.get((net, edge), SLEW) for edge in EDGES) / len(EDGES)


def mean(weighed: list[tuple[int, float]]) -> float:
    """Return the mean of numbers by their weights; the plain one where these are all 0."""
    total = sum(weight for weight, _ in weighed)
    if not total:
        return sum(value for _, value in weighed) / max(len(weighed), 1)
    return sum(weight * value for weight, value in weighed) / total


def groups(library: Library, kind: str, name: str) -> Iterator[Group]:
    """Yield the energies of a cell's pin."""
    for pin in library.found[kind].of("pin"):
        for group in pin.of("internal_power") if name in pin.arguments else ():
            tables = tuple(
                table_of(library.group, table)
                for edge in EDGES
                for table in (*group.of(f"{edge}_power"), *group.of("power"))
            )
            for source in group.text("related_pin").split() or [""]:
                if pin.text("direction") != "output" or source:
                    yield Group(source, "when" not in group.values, tables)


def leakage(netlist: Netlist, library: Library) -> float:
    """Return the power of all cells at rest, in W."""
    text = library.group.text("leakage_power_unit") or "1nW"
    unit = re.fullmatch(r"([\d.]+)([munpf])W", text)
    if not unit:
        raise InputError(f"The library {library.name} must have a leakage_power_unit, not {text!r}")
    each = sum(
        count * (library.found[kind].number("cell_leakage_power", 0.0) or 0.0)
        for kind, count in netlist.kinds.items()
        if not is_macro(kind)
    )
    return each * float(unit[1]) * WATTS[unit[2]]
