"""Faults of a chip in standard cells, each planted in its mapped netlist."""

import re
from copy import deepcopy

from hw.asic.chips import NAME

__all__ = ["FAULTS", "plant"]


def plant(netlist, fault):
    """Return a netlist with a fault of `FAULTS` in it."""
    faulty = deepcopy(netlist)
    FAULTS[fault](faulty["modules"][NAME])
    return faulty


def cells_of(module, kind, block):
    """Return the cells of a kind in a block, in the order of the netlist."""
    pattern = re.compile(rf"(.*_)?{kind}(_\\d+)?")
    found = [
        cell
        for name, cell in module["cells"].items()
        if pattern.fullmatch(cell["type"]) and block in name
    ]
    if not found:
        raise ValueError(f"{block} must have a cell {kind}")
    return found


def middle(found):
    """Return the cell in the middle of some."""
    return found[len(found) // 2]


def wrong_cell(module):
    """Make a NOR of a NAND among the sums of the update."""
    cell = middle(cells_of(module, "nand2", "totals"))
    cell["type"] = cell["type"].replace("nand2", "nor2")


def stuck_input(module):
    """Hold an input of a gate of the residual at 0."""
    middle(cells_of(module, "nand2", "residual0"))["connections"]["A"] = ["0"]


def swapped_pins(module):
    """Swap the data of a multiplexer of the window."""
    pins = middle(cells_of(module, "mux2", "window"))["connections"]
    one, other = (pin for pin in pins if pin.startswith(("A", "B")))
    pins[one], pins[other] = pins[other], pins[one]


def missing_reset(module):
    """Hold the resets of the sequencer's registers high."""
    for kind, pin in (("flop", "RN"), ("dfrbpq", "RESET_B")):
        for name, cell in module["cells"].items():
            if kind in cell["type"] and "sequencer" in name:
                cell["connections"][pin] = ["1"]


FAULTS = {
    "wrong cell": wrong_cell,
    "stuck input": stuck_input,
    "swapped pins": swapped_pins,
    "missing reset": missing_reset,
}
