"""Static timing of a mapped netlist: the tables of its cells, wires without length.

The clock is ideal, gated or not, and so is a net that clears many flip-flops: both get their trees
when the chip is placed.

A pin loads its net by the upper end of its range of capacitance for the edge, as in OpenSTA. Every
figure is a lower limit: a placed chip's wires have capacitance and resistance. Memories take no
time here, since their macros are not of the library; what starts at one starts with the clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from golden.errors import InputError
from hw.asic.clock_gates import gated_nets
from hw.asic.liberty import Arc, Library
from hw.asic.netlist import Bit, Instance, Netlist, is_macro

__all__ = ["Timing", "loads", "violations"]

EDGES = ("rise", "fall")
OPPOSITE = {"rise": "fall", "fall": "rise"}
SLEW = 0.02
"""Transition of the clock and of every port, in ns."""

TREE = 100
"""Flip-flops that a net clears at most; one that clears more gets a tree where it is placed."""

PORT_LOAD = 0.006
"""Load of an output of the chip, in pF."""

Node = tuple[Bit, str]
"""A net and its edge."""


@dataclass(frozen=True)
class Step:
    """A cell on a path: through which pins, to which edge, and when its output has settled."""

    cell: str
    kind: str
    pins: str
    edge: str
    ns: float


class Timing:
    """Arrival of every edge at every net.

    Parameters
    ----------
    netlist : Netlist
        The design.
    library : Library
        Its cells at one corner.
    clock : str
        Port of the clock.
    """

    def __init__(self, netlist: Netlist, library: Library, clock: str = "clk") -> None:
        self.netlist, self.library, self.clock = netlist, library, clock
        netlist.require_mapped(library)
        self.load = {edge: loads(netlist, library, edge) for edge in EDGES}
        self.arrival: dict[Node, float] = {}
        self.slew: dict[Node, float] = {}
        self.before: dict[Node, tuple[Node | None, Instance, Arc]] = {}
        self.clocks = {bit for name, bit in netlist.ports("input") if name == clock}
        self.clocks |= {net for _, net in gated_nets(netlist, library)}
        self.resets = {net for net, count in self.cleared().items() if count > TREE}
        self.start()
        self.propagate()

    def cleared(self) -> Counter[Bit]:
        """Return how many flip-flops each net clears or sets without a clock."""
        found: Counter[Bit] = Counter()
        for instance in self.netlist.instances:
            if is_macro(instance.kind) or not self.library.cell(instance.kind).is_flop:
                continue
            arcs = self.library.cell(instance.kind).arcs
            timed = {arc.target for arc in arcs if arc.is_setup}
            timed |= {arc.source for arc in arcs if arc.is_launch}
            for pin in instance.pins.keys() - timed - instance.outputs:
                found.update(instance.pins[pin])
        return found

    def start(self) -> None:
        """Let ports, memories, resets and constants arrive with the clock."""
        for net in self.resets:
            self.arrive(net)
        for _, bit in self.netlist.ports("input"):
            self.arrive(bit)
        for instance in self.netlist.instances:
            if is_macro(instance.kind):
                for pin in instance.outputs:
                    for bit in instance.pins[pin]:
                        self.arrive(bit)

    def arrive(self, bit: Bit) -> None:
        """Let both edges of a net arrive with the clock."""
        for edge in EDGES:
            self.arrival[bit, edge], self.slew[bit, edge] = 0.0, SLEW

    def propagate(self) -> None:
        """Take cells in the order of their inputs, and compute when their outputs settle."""
        waiting: dict[int, int] = {}
        ready: list[Instance] = []
        arcs = {kind: self.delays(kind) for kind in self.netlist.kinds}
        for instance in self.netlist.instances:
            if is_macro(instance.kind):
                continue
            sources = {arc.source for arc in arcs[instance.kind] if not arc.is_launch}
            nets = [instance.pins[pin][0] for pin in sources]
            waiting[id(instance)] = len({n for n in nets if not self.settled(n)})
            if not waiting[id(instance)]:
                ready.append(instance)
        done = 0
        while ready:
            instance = ready.pop()
            done += 1
            for net in self.settle(instance, arcs[instance.kind]):
                for load in {id(i): i for i, pin in self.netlist.loads[net]}.values():
                    if is_macro(load.kind) or not any(
                        load.pins[arc.source][0] == net and not arc.is_launch
                        for arc in arcs[load.kind]
                    ):
                        continue
                    waiting[id(load)] -= 1
                    if not waiting[id(load)]:
                        ready.append(load)
        if done != len(waiting):
            raise InputError("The netlist must have no loop of logic and no net without a driver")

    def settled(self, net: Bit) -> bool:
        """Whether it is known when a net settles: a constant always is."""
        return not isinstance(net, int) or (net, "rise") in self.arrival

    def delays(self, kind: str) -> list[Arc]:
        """Return the arcs of a cell that are delays."""
        if is_macro(kind):
            return []
        return [arc for arc in self.library.cell(kind).arcs if arc.is_delay and arc.delay]

    def settle(self, instance: Instance, arcs: list[Arc]) -> list[Bit]:
        """Compute when the outputs of a cell settle; return their nets."""
        nets = {instance.pins[pin][0] for pin in instance.outputs if instance.pins.get(pin)}
        best: dict[Node, tuple[float, Node | None, Arc]] = {}
        slews: dict[Node, float] = defaultdict(float)
        for arc in arcs:
            if not instance.pins.get(arc.target):
                continue
            net = instance.pins[arc.target][0]
            for edge, table in arc.delay.items():
                for origin in self.origins(instance, arc, edge):
                    begin = 0.0 if arc.is_launch or origin is None else self.arrival[origin]
                    slew = SLEW if arc.is_launch or origin is None else self.slew[origin]
                    node, load = (net, edge), self.load[edge][net]
                    after = begin + table.at(slew, load)
                    slews[node] = max(slews[node], arc.transition[edge].at(slew, load))
                    if node not in best or after > best[node][0]:
                        best[node] = after, origin, arc
        for node, (after, origin, arc) in best.items():
            if node[0] in self.resets:
                continue
            self.arrival[node], self.slew[node] = after, slews[node]
            self.before[node] = origin, instance, arc
        for net in nets:
            for edge in EDGES:  # of a tie cell, and of an edge that no arc leads to
                self.arrival.setdefault((net, edge), 0.0)
                self.slew.setdefault((net, edge), SLEW)
        return [net for net in nets if net not in self.resets]

    def origins(self, instance: Instance, arc: Arc, edge: str) -> Iterator[Node | None]:
        """Yield the edges that an output's edge follows; None for the clock's."""
        if arc.is_launch:
            yield None
            return
        net = instance.pins[arc.source][0]
        if not isinstance(net, int):
            return
        same = {"positive_unate": [edge], "negative_unate": [OPPOSITE[edge]]}
        for origin in same.get(arc.sense, EDGES):
            yield net, origin

    def ends(self) -> Iterator[tuple[float, Node, str]]:
        """Yield when data must be there before the next edge, its net, and what it ends in."""
        for instance in self.netlist.instances:
            if is_macro(instance.kind):
                for pin, bits in instance.pins.items():
                    if pin not in (*instance.outputs, "clk"):
                        yield from ((self.arrival[n], n, instance.name) for n in self.nodes(bits))
                continue
            for arc in self.library.cell(instance.kind).arcs:
                if not arc.is_setup or not instance.pins.get(arc.target):
                    continue
                for net, edge in self.nodes(instance.pins[arc.target]):
                    if edge in arc.delay:
                        need = arc.delay[edge].at(self.slew[net, edge], SLEW)
                        yield self.arrival[net, edge] + need, (net, edge), instance.name
        for name, bit in self.netlist.ports("output"):
            yield from ((self.arrival[node], node, name) for node in self.nodes([bit]))

    def nodes(self, bits: list[Bit]) -> Iterator[Node]:
        """Yield both edges of nets; constants and the clock have none."""
        for bit in bits:
            if isinstance(bit, int) and bit not in self.clocks:
                yield from ((bit, edge) for edge in EDGES)

    def longest(self) -> dict[str, Any]:
        """Return the longest path: its time, where it ends, and its cells from the start on."""
        ns, node, end = max(self.ends(), key=lambda found: found[0])
        steps = []
        at: Node | None = node
        while at is not None and at in self.before:
            origin, instance, arc = self.before[at]
            steps.append(
                Step(
                    instance.name,
                    instance.kind,
                    f"{arc.source} to {arc.target}",
                    at[1],
                    round(self.arrival[at], 4),
                )
            )
            at = origin
        cells = [vars(step) for step in reversed(steps)]
        return {"ns": round(ns, 4), "end": end, "cells": cells}


def loads(netlist: Netlist, library: Library, edge: str = "") -> dict[Bit, float]:
    """Return the load of each net in pF: the pins that it drives; on an edge, the most of it."""
    found: dict[Bit, float] = defaultdict(float)
    for net, pins in netlist.loads.items():
        for cell, pin in pins:
            if is_macro(cell.kind):
                found[net] += PORT_LOAD
            else:
                about = library.cell(cell.kind).pins[pin]
                found[net] += about.loads[edge] if edge else about.capacitance
    for _, net in netlist.ports("output"):
        found[net] += PORT_LOAD
    return found


def violations(netlist: Netlist, library: Library, clock: str = "clk") -> dict[str, int]:
    """Count the outputs that drive more pins, or more capacitance, than the library allows.

    The clock is left out: it gets its tree when the chip is placed.
    """
    load = loads(netlist, library)
    fanout = capacitance = 0
    ports = {bit for _, bit in netlist.ports("output")}
    for instance in netlist.instances:
        if is_macro(instance.kind) or library.cell(instance.kind).is_gate:
            continue
        for pin in instance.outputs:
            about = library.cell(instance.kind).pins[pin]
            for net in instance.pins.get(pin, []):
                count = len(netlist.loads[net]) + (net in ports)
                fanout += about.fanout is not None and count > about.fanout
                capacitance += about.most is not None and load[net] > about.most
    return {"fanout": fanout, "capacitance": capacitance}
