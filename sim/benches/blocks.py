"""Every primitive that a target replaces by hard blocks, and a top that compares versions."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from amaranth import Module, Shape, signed, unsigned
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.files import replacement
from hw.flow.verilog import to_verilog
from hw.flow.yosys import yosys
from hw.primitives import BlockMemory, Multiplier, ReadOnlyMemory
from hw.shapes import operand_shape

__all__ = ["Blocks", "comparison", "write_mapped", "write_portable"]

OPERANDS = {
    "signed": ("b", signed(8), signed(8)),
    "mixed": ("b", unsigned(8), signed(8)),
    "signed_pair": ("pair", signed(8), operand_shape(2)),
    "mixed_pair": ("pair", unsigned(8), operand_shape(2)),
}
"""The input that is multiplied with `a`, and both shapes; a pair is of two weights."""
MEMORIES = [
    (8, 16384, None),
    (16, 8192, 8),
    (8, 4096, None),
    (9, 2048, None),
    (36, 1024, 18),
    (36, 512, 9),
]
"""Bits and rows of memories that make a tile of each width, and bits that share a write enable."""
READ_ONLY = [(12, 2048), (40, 1024), (96, 512), (128, 64)]


def members_of() -> dict[str, wiring.Member]:
    """Return the members of `Blocks`."""
    inputs = {
        "a": 8,
        "b": 8,
        "pair": 18,
        "write_address": 14,
        "write_data": 36,
        "write_enable": 4,
        "read_address": 14,
        "read_enable": 1,
    }
    products = {f"product_{name}": a.width + b.width for name, (_, a, b) in OPERANDS.items()}
    memories = {f"memory_{bits}_{rows}": bits for bits, rows, _ in MEMORIES}
    read_only = {f"rows_{bits}_{rows}": bits for bits, rows in READ_ONLY}
    return {name: In(width) for name, width in inputs.items()} | {
        name: Out(width) for name, width in (products | memories | read_only).items()
    }


class Blocks(wiring.Component):
    """Multipliers of all operands in use and memories of all widths, on common inputs.

    Members
    -------
    a, b, pair : In
        Operands.
    write_address, write_data, write_enable, read_address, read_enable : In
        Of every memory, as far as it has such bits.
    product..., memory..., rows... : Out
        What each gives.
    """

    def __init__(self) -> None:
        super().__init__(members_of())

    def elaborate(self, platform: object) -> Module:  # noqa: D102
        m = Module()

        for name, (factor, *shapes) in OPERANDS.items():
            m.submodules[name] = block = Multiplier(*shapes)
            m.d.comb += [
                block.a.eq(self.a),
                block.b.eq(getattr(self, factor)),
                getattr(self, f"product_{name}").eq(block.product),
            ]
        for bits, rows, granularity in MEMORIES:
            name = f"memory_{bits}_{rows}"
            m.submodules[name] = block = BlockMemory(bits, rows, granularity=granularity)
            m.d.comb += [
                block.write_address.eq(self.write_address),
                block.write_data.eq(self.write_data),
                block.write_enable.eq(self.write_enable),
                block.read_address.eq(self.read_address),
                block.read_enable.eq(self.read_enable),
                getattr(self, name).eq(block.read_data),
            ]
        rng = random.Random(1)
        for bits, rows in READ_ONLY:
            name = f"rows_{bits}_{rows}"
            init = [rng.getrandbits(bits) for _ in range(rows)]
            m.submodules[name] = block = ReadOnlyMemory(unsigned(bits), init)
            m.d.comb += [block.address.eq(self.read_address), getattr(self, name).eq(block.data)]

        return m


def write_portable(folder: Path) -> Path:
    """Write the blocks as portable Verilog, module ``portable``."""
    to_verilog(Blocks(), "portable", folder / "portable.v")
    return folder / "portable.v"


def write_mapped(folder: Path, name: str, platform: object = None) -> Path:
    """Write the blocks mapped to the ECP5: its own if the platform brings them, else inferred."""
    design = rtlil.convert(Blocks(), name=name, platform=platform)
    verilog = folder / f"{name}.v"
    with replacement(verilog) as temporary:
        passes = (f"synth_ecp5 -top {name}", "write_verilog -noattr")
        text = yosys("read_rtlil", design, passes, folder / f"{name}.yosys.log", top=name)
        temporary.write_text(text, encoding="utf-8")
    return verilog


def comparison(versions: Sequence[str]) -> str:
    """Return a top of which ``differs`` has a bit for each output that ever differed.

    The operands a and b run through all pairs, everything else is random; no address is read in
    the clock that writes it.
    """
    inputs, outputs = widths_of(In), widths_of(Out)
    lines = [
        f"module comparison(input clk, rst, output reg [{len(outputs) - 1}:0] differs, "
        "output reg [16:0] count);",
        *(f"reg [{width - 1}:0] {name};" for name, width in inputs.items()),
        "initial {differs, count} = 0;",
        "always @(posedge clk) begin",
        "count <= count + 1;",
        "{b, a} <= count[15:0];",
        *(f"{name} <= {{$urandom, $urandom}};" for name in inputs if name not in ("a", "b")),
        "end",
        "wire [13:0] other = {read_address[13:1], ~write_address[0]};",
        *(line for version in versions for line in instance(version, inputs, outputs)),
    ]
    first, *rest = versions
    lines.append("always @(posedge clk) begin")
    for place, name in enumerate(outputs):
        lines += [
            f"if ({first}_{name} != {version}_{name}) differs[{place}] <= 1;" for version in rest
        ]
    return "\n".join([*lines, "end", "endmodule", ""])


def widths_of(flow: object) -> dict[str, int]:
    """Return the bits of each input of `Blocks`, or of each output."""
    return {
        name: Shape.cast(member.shape).width
        for name, member in members_of().items()
        if member.flow == flow
    }


def instance(version: str, inputs: Iterable[str], outputs: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of an instance of a version; its outputs are wires with its name before."""
    for name, width in outputs.items():
        yield f"wire [{width - 1}:0] {version}_{name};"
    pins = {name: "other" if name == "read_address" else name for name in inputs}
    pins |= {name: f"{version}_{name}" for name in outputs} | {"clk": "clk", "rst": "rst"}
    yield f"{version} u_{version}({', '.join(f'.{pin}({net})' for pin, net in pins.items())});"
