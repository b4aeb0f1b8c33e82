"""Plain names: those of Amaranth's design, of which Verilog would have to escape many."""

import re
from collections.abc import Sequence
from itertools import chain, count

__all__ = ["instance_path", "module_name", "plain_name", "rename"]

# The reserved words of IEEE 1800-2017: a tool may read a file of plain Verilog as SystemVerilog.
KEYWORDS = frozenset(
    """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
    checker class clocking cmos config const constraint context continue cover covergroup coverpoint
    cross deassign default defparam design disable dist do edge else end endcase endchecker endclass
    endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage
    endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event
    eventually expect export extends extern final first_match for force foreach forever fork
    forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins
    implements implies import incdir include initial inout input inside instance int integer
    interconnect interface intersect join join_any join_none large let liblist library local
    localparam logic longint macromodule matches medium modport module nand negedge nettype new
    nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos
    posedge primitive priority program property protected pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
    ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
    s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super
    supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
    timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union
    unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
    wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
    """.split()
)
NAME = r"\\(\S+)"
PORT = re.compile(rf"^\s*wire .*(?:input|output) \d+ +{NAME}$", re.MULTILINE)
PART = re.compile(r"(?:\\(\S+)|\$\S+|(\d+)'\S+)(?: \[(\d+)(?::(\d+))?\])?")
FIELD = re.compile(r"([^.\[]+)(.*)")
MEMORY = '\\MEMID "\\\\'
NUMBERED = re.compile(r"(?<!\S)\$(\d+)(?!\S)")
ANONYMOUS = "port$"
"""What Amaranth's names of ports begin with that are no whole signal in their module."""


def plain_name(name: str) -> str:
    """Return the name that something with this name has in the Verilog, unless it is taken."""
    words = re.sub(r"[.\[$_]+", "_", name.replace("]", ""))
    return f"{words}_" if words in KEYWORDS else words


def instance_path(path: str) -> str:
    """Return the path of an instance in the Verilog, from its path in the design."""
    return ".".join(map(plain_name, path.split(".")))


def module_name(top: str, path: str) -> str:
    """Return the name in the Verilog of the module of the instance ``path`` below ``top``."""
    return plain_name(f"{top}.{path}")


def rename(design: str) -> str:
    """Return a design, RTLIL as Amaranth writes it, in which every public name is a plain one.

    A name that is plain stays. Another one gets a number where two become the same.
    """
    heads = re.split(rf"^module {NAME}$", design, flags=re.MULTILINE)
    bodies = dict(zip(heads[1::2], heads[2::2], strict=True))
    types = new_names(dict.fromkeys(bodies))
    inner = {
        module: new_names(wires_and_cells(body), PORT.findall(body))
        for module, body in bodies.items()
    }
    return heads[0] + "".join(
        f"module \\{types[module]}{rename_body(body, types, inner, module)}"
        for module, body in bodies.items()
    )


def wires_and_cells(body: str) -> dict[str, str | None]:
    """Return the names in a module, each with a better one to begin with or None."""
    declared = rf"^\s*(?:wire|memory|cell) [^\"\n]*?{NAME}\s*$"
    names = dict.fromkeys(re.findall(declared, body, re.MULTILINE))
    return names | {name: what for name, what in anonymous(body).items() if name in names}


def anonymous(body: str) -> dict[str, str]:
    """Return what ports without a name are: bits of a signal that has one."""
    found = {}
    for target, source in re.findall(rf"^connect {NAME} (.*)$", body, re.MULTILINE):
        low = 0
        for part in reversed([*PART.finditer(source)]):
            name, constant, first, last = part.groups()
            if constant is None and first is None:
                break
            width = int(constant) if constant else int(first) - int(last or first) + 1
            if name and target.startswith(ANONYMOUS):
                found.setdefault(target, bits_of(name, int(last or first), width))
            elif name and name.startswith(ANONYMOUS):
                found.setdefault(name, bits_of(target, low, width))
            low += width
    return found


def bits_of(name: str, low: int, width: int) -> str:
    """Return a name for some bits of a signal."""
    stem = stem_of(name)
    return f"{stem}_{low}" if width == 1 else f"{stem}_{low + width - 1}_{low}"


def new_names(names: dict[str, str | None], ports: Sequence[str] = ()) -> dict[str, str]:
    """Return a new name for each of these names, which are keys of what to make of them or None.

    Where two would be the same, a port keeps it; else the one that is nearer to it; else the first.
    """
    found, taken = {}, set()
    for name in sorted(names, key=lambda name: (name not in ports, *distance(name))):
        whole, part = FIELD.fullmatch(name).groups()
        stem = found.get(whole, stem_of(whole))  # a field is named after what it is a part of
        found[name] = first_free(plain_name(names[name] or stem + part), taken)
        taken.add(found[name])
    return found


def distance(name: str) -> tuple[bool, bool, bool]:
    """Return how far a name is from the one that it gets."""
    return FIELD.fullmatch(name)[2] != "", "$" in name, plain_name(name) != name


def stem_of(name: str) -> str:
    """Return a name without the number that Amaranth gave it."""
    return re.sub(r"(?<!^)\$.*", "", name).removeprefix("$")


def first_free(name: str, taken: set[str]) -> str:
    """Return a name, with a number where it is taken."""
    numbered = (f"{name.rstrip('_')}_{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def rename_body(
    body: str, types: dict[str, str], inner: dict[str, dict[str, str]], module: str
) -> str:
    """Return what a module consists of, with the new names of modules and of all that is within."""
    own, ports, lines = inner[module], None, []
    for line in body.split("\n"):
        word, _, rest = line.strip().partition(" ")
        if word == "cell":
            kind, rest = rest.split(" ", 1)
            ports = inner.get(kind.removeprefix("\\"), {})
            if kind.startswith("\\"):
                rest = substitute(rest, own)
            rest = f"{substitute(kind, types)} {rest}"
        elif word == "end":
            ports = None
        elif word == "connect" and ports is not None:
            port, rest = rest.split(" ", 1)
            rest = f"{substitute(port, ports)} {substitute(rest, own)}"
        elif word in ("wire", "memory", "connect", "assign", "switch"):
            rest = substitute(rest, own)
        elif rest.startswith(MEMORY):
            name = rest.removeprefix(MEMORY).removesuffix('"')
            rest = f'{MEMORY}{own[name]}"'
        lines.append(f"{word} {rest}".rstrip())
    return "\n".join(lines)


def substitute(text: str, names: dict[str, str]) -> str:
    """Return a piece of a design with new names, also for nets that had only a number."""
    text = NUMBERED.sub(r"\\net_\1", text)
    return re.sub(NAME, lambda match: f"\\{names.get(match[1], match[1])}", text)
