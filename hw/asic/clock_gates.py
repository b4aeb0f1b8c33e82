"""Clock gates: cells that pass the clock on while an enable is 1, in the place of enables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hw.asic.liberty import Group, Library
from hw.asic.netlist import Bit, Netlist, is_macro

__all__ = ["LEAST", "GatePins", "clock_gates", "gate_model", "gate_pass", "gate_pins", "gated_nets"]

LEAST = 4
"""Flip-flops that share an enable at least, where they get a gate."""


@dataclass(frozen=True)
class GatePins:
    """The pins of a clock gate."""

    enable: str
    clock: str
    gated: str


def gate_pins(cell: Group) -> GatePins:
    """Return the pins of a clock gate from its group in a liberty file."""
    return GatePins(
        *(
            next(
                pin.arguments[0]
                for pin in cell.of("pin")
                if pin.text(f"clock_gate_{way}") == "true"
            )
            for way in ("enable_pin", "clock_pin", "out_pin")
        )
    )


def gate_model(name: str, pins: GatePins) -> str:
    """Return Verilog of a clock gate: while the clock is low, its latch takes the enable."""
    return f"""\
module {name}(input {pins.enable}, input {pins.clock}, output {pins.gated});
  reg open;
  always_latch if (!{pins.clock}) open = {pins.enable};
  assign {pins.gated} = {pins.clock} & open;
endmodule
"""


def gate_pass(kind: str, library: Library) -> str:
    """Return Yosys's pass that puts clock gates of a kind in the place of enables."""
    pins = gate_pins(library.found[kind])
    return f"clockgate -pos {kind} {pins.enable}:{pins.clock}:{pins.gated} -min_net_size {LEAST}"


def gated_nets(netlist: Netlist, library: Library) -> Iterator[tuple[Bit, Bit]]:
    """Yield the enable and the gated clock of each clock gate."""
    kinds = {kind for kind in netlist.kinds if not is_macro(kind) and library.cell(kind).is_gate}
    pins = {kind: gate_pins(library.found[kind]) for kind in kinds}
    for instance in netlist.instances:
        if instance.kind in kinds:
            names = pins[instance.kind]
            yield instance.pins[names.enable][0], instance.pins[names.gated][0]


def clock_gates(netlist: Netlist, library: Library) -> dict[str, Any]:
    """Return how many clock gates there are, and flip-flops behind them, as JSON values."""
    gated = {net for _, net in gated_nets(netlist, library)}
    return {"gates": len(gated), "flops": count_flops(netlist, library, gated)}


def count_flops(netlist: Netlist, library: Library, nets: Iterable[Bit]) -> int:
    """Count the flip-flops that some nets clock."""
    return sum(
        library.cell(instance.kind).is_flop and library.cell(instance.kind).pins[pin].clock
        for net in nets
        for instance, pin in netlist.loads[net]
        if not is_macro(instance.kind)
    )
