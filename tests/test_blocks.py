"""What holds the ECP5's blocks against the portable ones drives all that they have."""

import random

import pytest
from amaranth.lib.wiring import In, Out

from sim.benches import blocks
from sim.benches.blocks import Blocks, comparison, members_of
from tests.streams import simulate

INPUTS = [name for name, member in members_of().items() if member.flow == In]
OUTPUTS = [name for name, member in members_of().items() if member.flow == Out]


def outputs(still=None):
    """Return what the blocks give of random inputs; one input may be held still."""
    dut, rng, found = Blocks(), random.Random(5), []

    async def bench(ctx):
        for _ in range(100):
            for name in INPUTS:
                value = rng.getrandbits(3 if "address" in name else 36)
                if name != still:
                    port = getattr(dut, name)
                    ctx.set(port, value & (1 << len(port)) - 1)
            await ctx.tick()
            found.append([ctx.get(getattr(dut, name)) for name in OUTPUTS])

    simulate(dut, bench)
    return found


def differing(one, other):
    """Return the outputs that are not the same in both."""
    pairs = zip(zip(*one, strict=True), zip(*other, strict=True), strict=True)
    return {name for name, (a, b) in zip(OUTPUTS, pairs, strict=True) if a != b}


MEMORIES = {name for name in OUTPUTS if name.startswith("memory")}
PRODUCTS = {name for name in OUTPUTS if name.startswith("product")}
MATTERS = dict.fromkeys(INPUTS, MEMORIES) | {
    "a": PRODUCTS,
    "b": {name for name in PRODUCTS if "pair" not in name},
    "pair": {name for name in PRODUCTS if "pair" in name},
    "read_address": set(OUTPUTS) - PRODUCTS,
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_matters_to_every_block_that_has_it(name):
    assert differing(outputs(), outputs(still=name)) == MATTERS[name]


WIDTHS = {"a": 8, "b": 8, "pair": 18, "write_address": 14, "write_data": 36, "write_enable": 4,
          "read_address": 14, "read_enable": 1}  # fmt: skip
GIVEN = {"product_signed": 16, "product_mixed": 16, "product_signed_pair": 26,
         "product_mixed_pair": 26, "memory_8_16384": 8, "memory_16_8192": 16,
         "memory_8_4096": 8, "memory_9_2048": 9, "memory_36_1024": 36, "memory_36_512": 36,
         "rows_12_2048": 12, "rows_40_1024": 40, "rows_96_512": 96, "rows_128_64": 128}  # fmt: skip


def test_blocks_have_operands_and_memories_of_every_width():
    assert {name: members_of()[name].shape for name in INPUTS} == WIDTHS
    assert {name: members_of()[name].shape for name in OUTPUTS} == GIVEN


def test_each_block_computes_what_its_name_says():
    dut, found = Blocks(), {}

    async def bench(ctx):
        for name, value in {
            "a": 0x80,
            "b": 0xFD,
            "pair": -3 << 9,
            "write_data": 0x9_8765_4321,
        }.items():
            ctx.set(getattr(dut, name), value)
        for name, value in {"write_address": 5, "write_enable": 15, "read_enable": 1}.items():
            ctx.set(getattr(dut, name), value)
        for address in (6, 5, 5, 5, 5):
            ctx.set(dut.read_address, address)
            await ctx.tick()
        found.update({name: ctx.get(getattr(dut, name)) for name in OUTPUTS})
        # One enable for nine bits, the lowest of them alone.
        for name, value in {"write_data": 0, "write_address": 7, "write_enable": 15}.items():
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        for name, value in {"write_data": (1 << 36) - 1, "write_enable": 1}.items():
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(dut.write_enable, 0)
        ctx.set(dut.read_address, 7)
        for _ in range(4):
            await ctx.tick()
        found["parts"] = [ctx.get(getattr(dut, name)) for name in GIVEN if name[0] == "m"]

    simulate(dut, bench)
    assert found["product_signed"] == -128 * -3
    assert found["product_mixed"] == (128 * -3) % (1 << 16)
    assert found["product_signed_pair"] == (128 * 3) << 9
    assert found["product_mixed_pair"] == ((128 * -3) << 9) % (1 << 26)
    for name, width in GIVEN.items():
        if name.startswith("memory"):
            assert found[name] == 0x9_8765_4321 % (1 << width), name
    assert found["parts"] == [255, 255, 255, 511, (1 << 18) - 1, 511]


def test_the_top_compares_every_output_of_every_version():
    text = comparison(["one", "two", "three"])
    lines = text.splitlines()
    assert lines[0] == (
        "module comparison(input clk, rst, output reg [13:0] differs, output reg [16:0] count);"
    )
    assert "initial {differs, count} = 0;" in lines and lines[-2:] == ["end", "endmodule"]
    assert {"count <= count + 1;", "{b, a} <= count[15:0];"} <= set(lines)
    for name, width in WIDTHS.items():
        assert f"reg [{width - 1}:0] {name};" in lines
        assert (f"{name} <= {{$urandom, $urandom}};" in lines) == (name not in ("a", "b"))
    # An address whose lowest bit is not that of the write is another one.
    assert "wire [13:0] other = {read_address[13:1], ~write_address[0]};" in lines
    for version in ("one", "two", "three"):
        pins = [f".{name}({'other' if name == 'read_address' else name})" for name in WIDTHS]
        pins += [f".{name}({version}_{name})" for name in GIVEN] + [".clk(clk)", ".rst(rst)"]
        (made,) = [line for line in lines if line.startswith(f"{version} u_{version}(")]
        assert sorted(made.partition("(")[2].removesuffix(");").split(", ")) == sorted(pins)
        for name, width in GIVEN.items():
            assert f"wire [{width - 1}:0] {version}_{name};" in lines
    differing = [line for line in lines if "differs[" in line]
    assert differing == [
        f"if (one_{name} != {version}_{name}) differs[{place}] <= 1;"
        for place, name in enumerate(GIVEN)
        for version in ("two", "three")
    ]


def test_blocks_are_written_portable_mapped_and_inferred(monkeypatch, tmp_path):
    asked = []

    def yosys(read, text, passes, log, *, top):
        asked.append((read, text, passes, log, top))
        return f"module {top}(é);"

    monkeypatch.setattr(blocks, "yosys", yosys)
    monkeypatch.setattr(blocks, "to_verilog", lambda *given: asked.append(given))
    monkeypatch.setattr(blocks, "Blocks", lambda: "blocks")
    convert = lambda dut, name, platform: (dut, name, platform)  # noqa: E731
    monkeypatch.setattr(blocks.rtlil, "convert", convert)
    assert blocks.write_portable(tmp_path) == tmp_path / "portable.v"
    for name, *platform in (("mapped", "ours"), ("inferred",)):
        assert blocks.write_mapped(tmp_path, name, *platform) == tmp_path / f"{name}.v"
        assert (tmp_path / f"{name}.v").read_text(encoding="utf-8") == f"module {name}(é);"
    passes = [
        (f"synth_ecp5 -top {name}", "write_verilog -noattr") for name in ("mapped", "inferred")
    ]
    assert asked == [
        ("blocks", "portable", tmp_path / "portable.v"),
        ("read_rtlil", ("blocks", "mapped", "ours"), passes[0],
         tmp_path / "mapped.yosys.log", "mapped"),
        ("read_rtlil", ("blocks", "inferred", None), passes[1],
         tmp_path / "inferred.yosys.log", "inferred"),
    ]  # fmt: skip
