"""From a chip to its report: map it, or count generic gates where there is no library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from golden.files import lock, replacement, write_json
from hw.asic.chips import AsicChip
from hw.asic.library import Target, load_liberty
from hw.asic.mapping import gates, mapped
from hw.asic.netlist import Netlist
from hw.asic.opensta import opensta
from hw.asic.report import generic_report, report
from hw.asic.timing import Timing
from hw.flow.kept import digest, read_kept, write_kept

__all__ = ["build", "map_chip"]


MAPPING = ("mapping.py", "library.py", "clock_gates.py")
"""What decides how a chip is mapped."""


def build(
    chip: AsicChip, wanted: Target, folder: Path, *, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Map a chip, and write ``netlist.json`` and ``report.json``; return the report.

    Without a liberty file, the netlist is of generic gates and the report has no area.
    """
    with lock(folder, lambda: say(f"{folder}: waiting for another build")):
        (folder / "report.json").unlink(missing_ok=True)  # of another netlist, if this fails
        netlist = map_chip(chip, wanted, folder, say=say)
        if wanted.liberty is None:
            found = generic_report(chip, netlist)
        else:
            library = load_liberty(wanted.liberty, wanted.library, wanted.corner)
            timing = Timing(netlist, library)
            other = opensta(timing, wanted.liberty, folder / "opensta.log")
            found = report(chip, wanted.library, wanted.corner, timing, other)
        write_json(folder / "report.json", found)
    return found


def map_chip(
    chip: AsicChip, wanted: Target, folder: Path, *, say: Callable[[str], None]
) -> Netlist:
    """Return the mapped chip, as ``folder`` has it already, or made anew."""
    path, record, log = folder / "netlist.json", folder / "mapped.json", folder / "mapping.log"
    text = wanted.liberty.read_bytes() if wanted.liberty else b""
    sources = b"".join(Path(__file__).with_name(name).read_bytes() for name in MAPPING)
    stamp = digest(chip.rtlil.encode() + chip.models.encode() + text + sources)
    stamp = digest(f"{stamp} {wanted.period} {wanted.gates}".encode())
    if read_kept(record, path, stamp) is None:
        aim = "generic gates" if wanted.liberty is None else f"{wanted.period:g} ns"
        say(f"mapping {chip.design} to {wanted.library.name}, {wanted.corner}: {aim}")
        record.unlink(missing_ok=True)
        if wanted.liberty is None:
            netlist = gates(chip, log)
        else:
            netlist = mapped(chip.rtlil, wanted, log, top=chip.top, models=chip.models)
        with replacement(path) as temporary:
            temporary.write_text(json.dumps(netlist), encoding="ascii")
        write_kept(record, path, stamp)
    return Netlist(json.loads(path.read_text(encoding="ascii")), chip.top)
