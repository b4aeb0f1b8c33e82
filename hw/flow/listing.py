"""The Verilog as people read it: what the file is, its ports, what a linter may say of it."""

import re
from textwrap import wrap

from golden.wire import COMMAND
from hw.link.controller import FLUSH
from hw.ports import MEANINGS

__all__ = ["WAIVERS", "describe", "present"]

COLUMNS = 110
"""Most columns of a comment."""

WAIVERS = {
    "CASEINCOMPLETE": "what a case does not name keeps the value that was assigned before it",
    "DECLFILENAME": "one file has all modules",
    "PROCASSINIT": "a register's initial value is the one that it has after configuration",
    "UNUSEDSIGNAL": "fields, and signals of which a block uses no or not all bits, keep their names"
    " for waveforms",
    "VARHIDDEN": "a signal may have the name of the instance that it is in",
    "WIDTHEXPAND": "operands of different widths are extended by their signs, as Verilog does it",
    "WIDTHTRUNC": "the high bits of a result that are not used are cut off; a vector that is"
    " compared with 0 is a condition",
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
}


def present(text, top, ports, about=()):
    """Return Verilog as Yosys wrote it with a header, and ports declared one a line.

    Parameters
    ----------
    text : str
        The Verilog.
    top : str
        Its top module.
    ports : dict
        Ports of the top module, as `hw.flow.verilog.ports` tells them, in their order.
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
    lines = [*about, *tell_ports(ports), *tell_waivers()]
    comment = "".join(f"// {line}".rstrip() + "\n" for line in lines)
    rules = "".join(f"// verilator lint_off {rule}\n" for rule in WAIVERS)
    return f"{comment}\n// verilator lint_save\n{rules}\n{text}// verilator lint_restore\n"


def describe(facts):
    """Return lines that tell people what a chip is."""
    spec, clocks, held = facts["spec"], facts["clocks_per_run"], facts["skeletons"]
    lines = [
        f"{facts['top']}: a chip that runs a cellular automaton with rules that were learnt.",
        "",
        f"{facts['contexts']} lattices of {spec['height']} x {spec['width']} cells with"
        f" {spec['channels']} channels; {facts['filters']} of"
        f" {spec['channels'] * spec['multiplier']} filters a clock. A run takes",
        f"steps * {facts['clocks_per_step']} + {clocks['overhead']} clocks. Nothing here is a"
        f" parameter: write another file instead.",
        f"{facts['top']}.json says the same for programs, and where each memory is.",
        "",
        f"Skeletons, in {facts['skeleton_places']} places, from 0:",
        "",
    ]
    return lines + [f"  {skeleton['name']:24} {skeleton['digest']}" for skeleton in held]


def declare(match, order):
    """Return a module whose ports are declared in its head, clock and reset first."""
    name, listed, body = match.groups()
    order = [*order, "clk", "rst"]
    ports = {}

    def take(found):
        attributes, direction, declaration, port = found.groups()
        ports[port] = f"{attributes}  {direction:6} {declaration}"
        return ""

    body = PORT.sub(take, body)
    names = sorted(re.findall(r"\w+", listed), key=lambda port: rank(port, order))
    head = ",\n".join(ports[port] for port in names)
    return f"module {name} (\n{head}\n);\n{body}endmodule"


def rank(port, order):
    """Return the place of a port: as ordered, ports without an order last."""
    return order.index(port) if port in order else len(order)


def tell_ports(ports):
    """Return lines that describe ports, field by field."""
    lines = [
        "",
        "Ports. Of a stream, an item moves at a rising edge at which both `_valid` and `_ready` are",
        "high; until then `_payload` and `_valid` stay as they are. The fields of a payload are:",
        "",
    ]
    for name, port in ports.items():
        lines += tell(port["direction"], name, port["bits"], 0, meaning(name))
        lines += [line for field in port.get("fields", ()) for line in tell_field(field, 0, 1)]
    return lines


def tell_field(field, base, depth):
    """Return lines that describe a field of a port that begins at the bit ``base``, and its own."""
    low, name = base + field["offset"], field["field"]
    values = ", ".join(f"{value} {name}" for name, value in field.get("values", {}).items())
    text = ": ".join(filter(None, [FIELDS.get(name, ""), values]))
    lines = tell("", "  " * depth + name, field["bits"], low, text)
    return lines + [
        line for inner in field.get("fields", ()) for line in tell_field(inner, low, depth + 1)
    ]


def tell(direction, name, bits, low, text):
    """Return lines that describe a port or a field."""
    span = f"[{low + bits - 1}:{low}]" if bits > 1 else f"[{low}]" if not direction else ""
    start = f"  {direction:4}{span:8} {name:22} "
    return wrap(text, COLUMNS, initial_indent=start, subsequent_indent=" " * len(start)) or [start]


def meaning(name):
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


def tell_waivers():
    """Return lines that list what a linter may say."""
    lines = ["", "Lint: of Verilator's --lint-only -Wall this is switched off below, and nothing else is found:", ""]
    for rule, reason in WAIVERS.items():
        start = f"  {rule:16}"
        lines += wrap(reason, COLUMNS, initial_indent=start, subsequent_indent=" " * len(start))
    return lines
