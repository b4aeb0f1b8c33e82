"""Verilog of a chip, and the facts about it that a user needs beside it."""

import enum
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amaranth import Shape
from amaranth.back import rtlil
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring

from golden.files import replacement, write_json
from golden.skeleton import Skeleton
from golden.spec import Spec
from hw.array.array import CENTRES, SystolicArray
from hw.chip import Chip
from hw.flow.listing import describe, present
from hw.flow.names import instance_path, plain_name, rename
from hw.flow.yosys import yosys
from hw.shapes import TAPS, Geometry, encode_sum, readout_sum, tap_sum, update_sum
from hw.skeleton_memory import layouts, require_fit

__all__ = [
    "accumulators",
    "busy_clocks",
    "facts",
    "memory_path",
    "multipliers",
    "run_clocks",
    "run_overhead",
    "to_verilog",
    "top_name",
    "write_chip",
    "write_verilog",
]

PASSES = (
    "proc -nomux -norom",
    "memory_collect",
    "attrmap -remove generator -remove top -remove src",
    "attrmap -modattr -remove generator -remove src -remove amaranth.hierarchy",
    "delete s:0",  # signals without bits, which Verilog does not have
)


def top_name(geometry: Geometry) -> str:
    """Name of the chip's top module."""
    return f"thalweg_f{geometry.filters}"


def to_verilog(
    component: wiring.Component, name: str, path: Path | str, about: Sequence[str] = ()
) -> None:
    """Write ``component`` to ``path`` as plain Verilog, top module ``name``.

    ``about`` are lines for people that come first in the file. No name in it has to be escaped.
    """
    path = Path(path)
    design = rename(rtlil.convert(component, name=name))
    with replacement(path) as temporary:
        log = path.with_name(f"{name}.yosys.log")
        text = yosys("read_rtlil", design, (*PASSES, "write_verilog"), log, top=name)
        # Yosys stamps its build into the first line: the file depends on the design alone.
        text = re.sub(r"\A/\*.*?\*/\n+", "", text)
        temporary.write_text(present(text, name, ports(component), about), encoding="utf-8")


def write_verilog(component: wiring.Component, path: Path | str) -> None:
    """Write one block to ``path``; its stem is the module's name."""
    to_verilog(component, Path(path).stem, path)


def write_chip(geometry: Geometry, skeletons: Sequence[Skeleton], folder: Path | str) -> Path:
    """Write ``<top>.v`` and ``<top>.json`` for a chip with ``skeletons``; return the former."""
    path = Path(folder) / f"{top_name(geometry)}.v"
    require_fit(geometry, skeletons)
    chip = Chip(geometry, skeletons)
    found = facts(geometry, chip, skeletons)
    to_verilog(chip, top_name(geometry), path, describe(found))
    path.with_suffix(".json").unlink(missing_ok=True)  # facts of another chip, if the next fails
    write_json(path.with_suffix(".json"), found, indent=1)
    return path


def memory_path(name: str) -> str:
    """Instance path of a skeleton memory below the top module."""
    kind, lane = re.fullmatch(r"([a-z]+)(\d*)", name).groups()
    if kind in ("perceive", "mix"):
        return f"array.lane{lane}.{kind}_rom"
    if kind == "residual":
        return f"array.residual{lane}.rom"
    if kind == "identity":
        return "checker.identities"
    return f"lattice_port.{'encoder' if kind == 'encode' else kind}.rom"


def facts(geometry: Geometry, chip: Chip, skeletons: Sequence[Skeleton]) -> dict[str, Any]:
    """Return what a user needs to know of a chip, as JSON values."""
    spec = geometry.spec
    return {
        "top": top_name(geometry),
        "spec": spec.to_json(),
        "filters": geometry.filters,
        "contexts": geometry.contexts,
        "skeletons": [{"name": skeleton.name, "digest": skeleton.digest} for skeleton in skeletons],
        "skeleton_places": geometry.skeletons,
        "multipliers": multipliers(geometry),
        "clocks_per_step": busy_clocks(geometry, 1),
        "clocks_per_run": {
            "formula": "steps * clocks_per_step + overhead",
            "overhead": run_overhead(geometry),
        },
        "latency": {
            "read": Chip.READ_LATENCY,
            "array": SystolicArray.LATENCY + geometry.filters,
            "centres": CENTRES,
        },
        "accumulator_bits": {layer: shape.width for layer, shape in accumulators(spec).items()},
        "ports": ports(chip),
        "memories": {
            name: {
                "instance": instance_path(memory_path(name)),
                "rows": len(chip.images[name]),
                "bits": Shape.cast(layout).width,
                "row": fields(layout),
            }
            for name, layout in layouts(geometry).items()
        },
        "lattice": {
            "memories": [f"context{index}.lattice" for index in range(geometry.contexts)],
            "rows": spec.cells * geometry.words,
            "bits": 8 * geometry.lanes,
            "address": f"({spec.width} * y + x) * {geometry.words} + channel // {geometry.lanes}",
        },
    }


def multipliers(geometry: Geometry) -> dict[str, int]:
    """Count the multipliers, by what they are for."""
    return {
        "depthwise": TAPS * geometry.filters,
        "pointwise": geometry.spec.channels * geometry.filters,
        "encode": 1,
        "readout": 1,
    }


def accumulators(spec: Spec) -> dict[str, Shape]:
    """Return the shape of each layer's accumulator, wide enough for every valid skeleton."""
    return {
        "encode": encode_sum(),
        "perceive": tap_sum(TAPS),
        "update": update_sum(spec.filters),
        "readout": readout_sum(spec.channels),
    }


def busy_clocks(geometry: Geometry, steps: int) -> int:
    """Return the clocks of so many steps: in each of them every multiplier works."""
    return steps * geometry.spec.cells * geometry.slots


def run_clocks(geometry: Geometry, steps: int) -> int:
    """Return the clocks of a run of so many ungated steps."""
    return busy_clocks(geometry, steps) + run_overhead(geometry)


def run_overhead(geometry: Geometry) -> int:
    """Clocks of a run beyond those of its steps: see `hw.sequencer.sequencer.Sequencer`."""
    begin, write = 4, 1
    return (
        begin
        + (geometry.spec.width + 1) * geometry.slots
        + geometry.words
        + write
        + Chip.READ_LATENCY
        - SystolicArray.WORD_LATENCY
        + SystolicArray.LATENCY
        + geometry.filters
    )


def ports(component: wiring.Component) -> dict[str, dict[str, Any]]:
    """Width and direction of every port of a top module, with the fields of its payload."""
    result = {"clk": {"direction": "in", "bits": 1}, "rst": {"direction": "in", "bits": 1}}
    for path, member, value in component.signature.flatten(component):
        shape = value.shape() if hasattr(value, "shape") else Shape.cast(value)
        entry = {
            "direction": "in" if member.flow == wiring.In else "out",
            "bits": Shape.cast(shape).width,
        }
        if isinstance(shape, data.Layout):
            entry["fields"] = fields(shape)
        result[plain_name("__".join(map(str, path)))] = entry
    return result


def fields(layout: ShapeLike) -> list[dict[str, Any]]:
    """Offset and width of every field of a layout, and what the values of a number mean."""
    if not isinstance(layout, data.Layout):
        return []
    found = []
    for key, field in layout:
        width = Shape.cast(field.shape).width
        entry = {"field": str(key), "offset": field.offset, "bits": width}
        if isinstance(field.shape, data.StructLayout):
            entry["fields"] = fields(field.shape)
        if isinstance(field.shape, enum.EnumType):
            entry["values"] = {value.name: value.value for value in field.shape}
        found.append(entry)
    return found
