"""Tables of docs/protocol.md, generated from `golden.wire`."""

from __future__ import annotations

from golden import wire
from golden.layout import Layout
from sw.report.docs import table

__all__ = ["wire_parts"]

LISTS = {
    "kinds": (wire.Kind, ("kind", "name", "request", "response behind the 0")),
    "tags": (wire.Tag, ("tag", "name", "count", "output")),
    "operations": (wire.Operation, ("operation", "name", "bytes")),
    "errors": (wire.Error, ("error", "name", "detail")),
}
"""Numbers of the protocol, and the headings of their tables."""

LAYOUTS = {
    "chunk": wire.CHUNK,
    "command": wire.COMMAND,
    "facts": wire.FACTS,
    "status": wire.STATUS,
}


def wire_parts() -> dict[str, str]:
    """Return the tables of numbers and layouts, each under the name wire-NAME."""
    lists = {
        name: table(headings, ((int(n), f"`{n.name}`", *n.meanings) for n in numbers))
        for name, (numbers, headings) in LISTS.items()
    }
    layouts = {name: fields_of(layout) for name, layout in LAYOUTS.items()}
    return {f"wire-{name}": text for name, text in (lists | layouts).items()}


def fields_of(layout: Layout) -> str:
    """Return a table of a layout's fields: first byte, length, name and meaning."""
    rows = []
    for field in layout:
        byte, bit = divmod(layout.offset(field.name), 8)
        bits = f"{field.bits} bit{'s' * (field.bits > 1)} from bit {bit}"
        length = bits if field.bits % 8 else field.bits // 8
        rows.append((byte, length, f"`{field.name}`", field.meaning))
    return table(("byte", "bytes", "field", "what"), rows)
