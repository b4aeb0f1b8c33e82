"""The Verilog as people read it: what the file is, its ports, what a linter may say of it."""

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

from golden.wire import COMMAND, Operation
from hw.ports import FLUSH, MEANINGS

__all__ = ["WAIVERS", "describe", "present"]

Port = dict[str, Any]
"""What the facts say of a port or a field."""

COLUMNS = 110
"""Most columns of a comment."""

WAIVERS = {
    "CASEINCOMPLETE": "what a case does not name keeps the value that was assigned before it",
    "DECLFILENAME": "one file has all modules",
    "PROCASSINIT": "a register's initial value is the one that it has after configuration",
    "UNSIGNED": "a number is compared with 0 where this chip's lattice leaves no margin",
    "UNUSEDSIGNAL": "fields, and signals of which a block uses no or not all bits, keep their names"
    " for waveforms",
    "VARHIDDEN": "a signal may have the name of the instance that it is in",
    "WIDTHEXPAND": "a narrower operand is extended to the other's width, by its sign if it has one",
    "WIDTHTRUNC": "the high bits of a result that are not used are cut off; a vector as a"
    " condition is true unless it is 0",
}
"""What Verilator's ``--lint-only -Wall`` may say of the Verilog, and why it is no fault."""

START = "at_start"
TRICK = re.compile(r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$\d+ ")
MODULE = re.compile(r"^module (\w+)\(([^)]*)\);\n(.*?)^endmodule$", re.MULTILINE | re.DOTALL)
PORT = re.compile(
    r"((?:^  \(\* .* \*\)\n)*)^  (input|output) .*;\n^  ((?:wire|reg) [^=;]*?(\w+)(?: = .*)?);\n",
    re.MULTILINE,
)
FIELDS = {field.name: field.meaning for field in COMMAND} | {
    "code": "of one cell, two's complement, cells in raster order",
    "gate": "when and where the gate acts in the run; all 0 without one",
    "last": "whether it is the plane's last code",
    "resume": "whether to go on with the lattice as it is, not from the next image",
}
VALUES = {operation.name: operation.meanings[0] for operation in Operation}


def present(text: str, top: str, ports: dict[str, Port], about: Sequence[str] = ()) -> str:
    """Return Verilog as Yosys wrote it with a header, and ports declared one a line.

    Parameters
    ----------
    text : str
        The Verilog.
    top : str
        Its top module.
    ports : dict
        Ports of the top module, as `hw.flow.verilog.ports` returns them, in their order.
    about : sequence of str
        Lines that tell what the design is.
    """
    (head,) = [match[2] for match in MODULE.finditer(text) if match[1] == top]
    listed = re.findall(r"\w+", head)
    clocks = [name for name in listed if name not in ports]
    ports = {name: {"direction": "in", "bits": 1} for name in clocks} | {
        name: port for name, port in ports.items() if name in listed
    }
    # A simulator must evaluate the combinational blocks once: they read a register that changes.
    text = TRICK.sub(START, text)
    text = MODULE.sub(lambda match: declare(match, ports if match[1] == top else {}), text)
    lines = [*about, *([""] if about else []), *port_lines(ports), *waiver_lines()]
    comment = "".join(f"// {line}".rstrip() + "\n" for line in lines)
    rules = "".join(f"// verilator lint_off {rule}\n" for rule in WAIVERS)
    return f"{comment}\n// verilator lint_save\n{rules}\n{text}// verilator lint_restore\n"


def describe(facts: dict[str, Any]) -> list[str]:
    """Return lines that tell people what a chip is."""
    spec, clocks = facts["spec"], facts["clocks_per_run"]
    cells = f"{spec['height']} x {spec['width']} cells of {spec['channels']} channels"
    return [
        f"{facts['top']}: a chip that runs a cellular automaton by rules that were learnt.",
        "",
        f"  lattices     {facts['contexts']}, of {cells}",
        f"  filters      {facts['filters']} of {spec['channels'] * spec['multiplier']} a clock",
        f"  clocks       steps * {facts['clocks_per_step']} + {clocks['overhead']} for a run",
        f"  skeletons    {facts['skeleton_places']} places, counted from 0:",
        *(f"    {one['name']:24} {one['digest']}" for one in facts["skeletons"]),
        "",
        "The module has no parameters: `thalweg verilog` writes other chips. The memories begin",
        "with the skeletons, and with lattices of zeros.",
        f"{facts['top']}.json says all of this for programs, and where each memory is.",
    ]


def declare(match: re.Match[str], order: Iterable[str]) -> str:
    """Return a module whose ports are declared in its head, clock and reset first."""
    name, listed, body = match.groups()
    order = [*order, "clk", "rst"]
    ports = {}

    def take(found: re.Match[str]) -> str:
        attributes, direction, declaration, port = found.groups()
        ports[port] = f"{attributes}  {direction:6} {declaration}"
        return ""

    body = PORT.sub(take, body)
    names = sorted(re.findall(r"\w+", listed), key=lambda port: rank(port, order))
    head = ",\n".join(ports[port] for port in names)
    return f"module {name} (\n{head}\n);\n{body}endmodule"


def rank(port: str, order: list[str]) -> int:
    """Return the place of a port: as ordered, ports without an order last."""
    return order.index(port) if port in order else len(order)


def port_lines(ports: dict[str, Port]) -> list[str]:
    """Return lines that describe ports, field by field."""
    lines = [
        "Ports. Of a stream, an item moves at a rising edge at which `_valid` and `_ready` are",
        "high; until then `_payload` and `_valid` stay as they are.",
        "",
    ]
    for name, port in ports.items():
        lines += entry_lines(port["direction"], name, port["bits"], 0, meaning(name))
        lines += [line for field in port.get("fields", ()) for line in field_lines(field, 0, 1)]
    return lines


def field_lines(field: Port, base: int, depth: int) -> list[str]:
    """Return lines that describe a field of a port that begins at the bit ``base``, and its own."""
    low, name = base + field["offset"], field["field"]
    lines = entry_lines("", "  " * depth + name, field["bits"], low, FIELDS.get(name, ""))
    for inner in field.get("fields", ()):
        lines += field_lines(inner, low, depth + 1)
    for value, number in field.get("values", {}).items():
        lines.append(f"{'':16}{number} {value:21}{VALUES[value]}".rstrip())
    return lines


def entry_lines(direction: str, name: str, bits: int, low: int, text: str) -> list[str]:
    """Return lines that describe a port or a field."""
    span = f"[{low + bits - 1}:{low}]" if bits > 1 else f"[{low}]" if not direction else ""
    start = f"  {direction:4}{span:8} {name:22} "
    return wrap(text, COLUMNS, initial_indent=start, subsequent_indent=" " * len(start)) or [start]


def meaning(name: str) -> str:
    """Return what a port is for."""
    stream, _, part = name.rpartition("_")
    if part == "payload":
        return MEANINGS.get(stream, "")
    if name.endswith("clk"):
        return "clock: every register takes its rising edge"
    if name.endswith("rst"):
        return (
            f"reset, synchronous, active high, for at least {FLUSH} clocks; none is needed after"
            " configuration"
        )
    return MEANINGS.get(name, "")


def waiver_lines() -> list[str]:
    """Return lines that list what a linter may say."""
    text = "Lint: Verilator's -Wall finds nothing but this, which is switched off below:"
    lines = ["", text, ""]
    for rule, reason in WAIVERS.items():
        start = f"  {rule:16}"
        lines += wrap(reason, COLUMNS, initial_indent=start, subsequent_indent=" " * len(start))
    return lines
