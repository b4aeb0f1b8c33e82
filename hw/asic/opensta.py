"""OpenSTA, another program for static timing, on the netlist and the model of `hw.asic.timing`.

It is run where `sta` is on the PATH. Wires have no length there either: a library's own model of
them is taken out. Macros are cut off, so that their pins are ports, and so are the nets that clear
many flip-flops.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from golden.errors import ToolError
from golden.tools import call, complaint
from hw.asic.cells import nets
from hw.asic.liberty import liberty_text
from hw.asic.netlist import is_macro
from hw.asic.timing import PORT_LOAD, SLEW, Timing
from hw.flow.yosys import yosys

__all__ = ["opensta"]

PROGRAM = "sta"
TOP = "timed"

WIRES = re.compile(r"\bdefault_wire_load\w*\s*:[^;\n]*;?")
"""What a library says of the wires that a chip has before it is placed."""

PERIOD = 100.0
"""Period in ns that slack is told of."""

SCRIPT = f"""\
puts "version [sta::version]"
read_liberty cells.lib
read_verilog netlist.v
link_design {TOP}
create_clock -name clk -period {PERIOD} [get_ports {{clock}}]
set_clock_transition {SLEW} [get_clocks clk]
set_input_delay 0 -clock clk [get_ports i*]
set_input_transition {SLEW} [get_ports i*]
set_output_delay 0 -clock clk [get_ports o*]
set_load {PORT_LOAD} [get_ports o*]
report_checks -path_delay max -format full -digits 6
exit
"""

GROUP = re.compile(r"^Path Group: (\S+)$", re.MULTILINE)
END = re.compile(r"^Endpoint: (\S+)", re.MULTILINE)
SLACK = re.compile(r"^ *(-?[\d.]+) +slack", re.MULTILINE)
CELL = re.compile(r" [\^v] (\S+)/\S+ \(\S+\)$", re.MULTILINE)
"""A pin on a path, with the name of its cell."""

CLEARS = "**async_default**"
"""The group of paths that end where a flip-flop is cleared."""


def opensta(timing: Timing, liberty: Path, log: Path) -> dict[str, Any] | None:
    """Return the longest path by OpenSTA: its version, ns, end and number of cells.

    None where `sta` is not on the PATH. Raises `ToolError` where it fails; ``log`` has what it
    said, and stays only then.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    module, names = cut(timing)
    with tempfile.TemporaryDirectory(prefix="thalweg-") as place:
        folder = Path(place)
        text = json.dumps({"modules": {TOP: module}})
        verilog = yosys("read_json", text, ("write_verilog -noattr",), log, top=TOP)
        (folder / "netlist.v").write_text(verilog, encoding="ascii")
        (folder / "cells.lib").write_text(WIRES.sub("", liberty_text(liberty)), encoding="utf-8")
        (folder / "timing.tcl").write_text(SCRIPT, encoding="ascii")
        call((program, "-no_splash", "-exit", "timing.tcl"), log, folder=folder, name="OpenSTA")
    found = longest(log.read_text(encoding="utf-8", errors="replace"), names)
    if found is None:
        raise ToolError(f"OpenSTA must report a path: {complaint(log)}; see {log}")
    log.unlink()
    return found


def cut(timing: Timing) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a netlist as a module without macros, and the name of each of its cells.

    Inputs begin with ``i``, outputs with ``o``; the clock is ``clock``.
    """
    netlist = timing.netlist
    names: dict[str, str] = {}
    cells: dict[str, Any] = {}
    (clock,) = (net for name, net in netlist.ports("input") if name == timing.clock)
    inputs = [net for _, net in netlist.ports("input") if net != clock]
    outputs = [net for _, net in netlist.ports("output")]
    free = 1 + max(nets(netlist.module))
    driven = dict(zip(timing.resets, count(free), strict=False))
    for place, cell in enumerate(netlist.instances):
        if is_macro(cell.kind):
            for pin, bits in cell.pins.items():
                if pin != "clk":
                    (inputs if pin in cell.outputs else outputs).extend(bits)
            continue
        pins = {
            pin: [driven.get(bit, bit) for bit in bits] if pin in cell.outputs else bits
            for pin, bits in cell.pins.items()
        }
        ways = {pin: "output" if pin in cell.outputs else "input" for pin in pins}
        names[f"c{place}"] = cell.name
        cells[f"c{place}"] = {"type": cell.kind, "port_directions": ways, "connections": pins}
    inputs += driven
    outputs += driven.values()
    ports = {
        "clock": {"direction": "input", "bits": [clock]},
        "i": {"direction": "input", "bits": inputs},
        "o": {"direction": "output", "bits": [bit for bit in outputs if isinstance(bit, int)]},
    }
    return {"ports": ports, "cells": cells, "netnames": {}}, names


def longest(said: str, names: dict[str, str]) -> dict[str, Any] | None:
    """Return the longest path of OpenSTA's report, None if it has none."""
    version = re.search(r"^version (\S+)$", said, re.MULTILINE)
    paths = []
    for part in said.split("Startpoint:")[1:]:
        group, end, slack = GROUP.search(part), END.search(part), SLACK.search(part)
        if group and end and slack and group[1] != CLEARS:
            cells = {*CELL.findall(part.split("data arrival time")[0])} - {end[1]}
            paths.append((PERIOD - float(slack[1]), names.get(end[1], end[1]), len(cells)))
    if version is None or not paths:
        return None
    ns, name, cells = max(paths)
    return {"version": version[1], "ns": round(ns, 4), "end": name, "cells": cells}
