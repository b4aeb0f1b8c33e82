"""Verilog of a hardwired chip, its facts, and what its skeleton costs in adders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golden.files import write_json
from golden.fixed import HIDDEN, STATE
from hw.flow.verilog import ports, to_verilog
from hw.hardwired.chip import HardwiredChip
from hw.hardwired.constants import Constants
from hw.hardwired.graph import Graph
from hw.hardwired.plan import Plan
from hw.shapes import TAPS, interval

__all__ = ["TOP", "estimate", "write_chip"]

LIMITER = 12
"""Lookup tables that saturate an output, or add it to the state."""

FEEDS = 4
"""Lookup tables at the ends of a carry chain: they bring its carry in and out."""

STORED = 17
"""Cells in registers: those of the window and its taps, and one on either side of the lattice."""

TOP = "thalweg_hardwired"
"""Name of the chip's top module."""


def write_chip(plan: Plan, folder: Path | str) -> Path:
    """Write ``thalweg_hardwired.v`` and ``.json`` of a chip; return the former."""
    path, chip = Path(folder) / f"{TOP}.v", HardwiredChip(plan)
    found = facts(chip)
    to_verilog(chip, TOP, path, describe(found))
    path.with_suffix(".json").unlink(missing_ok=True)  # facts of another chip, if the next fails
    write_json(path.with_suffix(".json"), found, indent=1)
    return path


def facts(chip: HardwiredChip) -> dict[str, Any]:
    """Return what a user needs to know of a chip, as JSON values."""
    plan = chip.plan
    found = estimate(plan)
    return {
        "top": TOP,
        "spec": plan.geometry.spec.to_json(),
        "skeleton": found["skeleton"],
        "clocks_per_step": plan.pass_clocks,
        "latency": plan.latency,
        "adders": found["parts"],
        "ports": ports(chip),
    }


def describe(found: dict[str, Any]) -> list[str]:
    """Return lines that tell people what a chip is."""
    spec, skeleton = found["spec"], found["skeleton"]
    return [
        f"{found['top']}: a chip that runs one cellular automaton, whose numbers are its logic.",
        "",
        f"  lattice      {spec['height']} x {spec['width']} cells of {spec['channels']} channels",
        f"  clocks       steps * {found['clocks_per_step']} for a run",
        f"  skeleton     {skeleton['name']}, {skeleton['digest']}",
        "",
        "The module has no parameters: `thalweg verilog --hardwired` writes other chips.",
        f"{found['top']}.json says all of this for programs.",
    ]


def estimate(plan: Plan) -> dict[str, Any]:
    """Return what a skeleton's constants cost as adders, and what all of it takes, as JSON values.

    The filters of a channel share adders: they are a part, and so are all channels of the update.
    """
    skeleton = plan.skeleton
    perceive = {f"perceive {channel}": each for channel, each in enumerate(plan.perceive)}
    every = {"encode": plan.encode, **perceive, "update": plan.update, "readout": plan.readout}
    parts = [{"part": name, **count(constants.graph)} for name, constants in every.items()]
    total = {name: sum(part[name] for part in parts) for name in ("adders", "bits", "registers")}
    shared = sum(part["adders"] for part in parts if part["part"] in perceive)
    return {
        "skeleton": {"name": skeleton.name, "digest": skeleton.digest},
        **total,
        "adders_per_filter": round(shared / skeleton.spec.filters, 1),
        **area(plan),
        "clocks_per_digit": plan.clocks_per_digit,
        "parts": parts,
    }


def area(plan: Plan) -> dict[str, int]:
    """Return about how many LUTs and FFs of an ECP5 a chip takes: see `LIMITER` to `STORED`.

    A carry chain takes lookup tables two by two. Each tap but a cell's own has a gate for the edge.
    """
    spec = plan.skeleton.spec
    every = [plan.encode, *plan.perceive, plan.update, plan.readout]
    outputs = sum(len(constants.outputs) for constants in every)
    sums = [width for constants in every for width in acc_widths(constants)]
    graphs = [constants.graph for constants in every]
    chains = [graph.bits(number) for graph in graphs for number in range(len(graph.adders))]
    waits = spec.multiplier * HIDDEN.width * sum(plan.wait(part) for part in range(spec.channels))
    bits = spec.channels * STATE.width  # of a cell
    return {
        "lut": sum(2 * -(-width // 2) + FEEDS for width in [*chains, *sums])
        + LIMITER * outputs
        + (TAPS - 1) * bits,
        "ff": sum(graph.registers for graph in graphs)
        + sum(sums)
        + HIDDEN.width * outputs
        + waits
        + STORED * bits,
    }


def acc_widths(constants: Constants) -> list[int]:
    """Return the bits of each accumulator of a layer."""
    return [interval(*constants.bounds(output)).width for output in constants.outputs]


def count(graph: Graph) -> dict[str, int]:
    """Return a graph's outputs and adders, the bits of these, those of registers, and its depth."""
    adders = len(graph.adders)
    return {
        "outputs": len(graph.outputs),
        "adders": adders,
        "bits": sum(graph.bits(number) for number in range(adders)),
        "registers": graph.registers,
        "depth": graph.depth,
    }
