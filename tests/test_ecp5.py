"""The ECP5's own multipliers and memories, held against what Yosys infers of the portable ones."""

import json
import random

import pytest
from amaranth import Cat, Module, Shape, signed, unsigned
from amaranth.back import rtlil
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.errors import InputError
from hw.boards.catalogue import find_board
from hw.boards.ecp5 import READ_TILES, Ecp5, initial_values
from hw.boards.top import pll_settings
from hw.flow.build import KEEP_COPIES
from hw.flow.yosys import yosys
from hw.primitives import BlockMemory, Multiplier, ReadOnlyMemory, copies

MEMORIES = [
    (8, 16384, 8, 8),
    (16, 8192, 8, 8),
    (8, 480, None, 1),
    (16, 240, None, 1),
    (10, 2048, None, 2),
]
REGISTERS = ("REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_PIPELINE_CLK", "REG_OUTPUT_CLK")


def mapped(component, folder, platform=None):
    """Synthesise for the ECP5; return the module of the netlist."""
    design = rtlil.convert(component, name="block", platform=platform)
    passes = (KEEP_COPIES, "synth_ecp5 -top block", "write_json")
    netlist = yosys("read_rtlil", design, passes, folder / "log", top="block")
    return json.loads(netlist)["modules"]["block"]


def cells(component, folder, platform=None):
    """Synthesise for the ECP5; return the cells' parameters by their type."""
    found = {}
    for cell in mapped(component, folder, platform)["cells"].values():
        found.setdefault(cell["type"], []).append(cell["parameters"])
    return found


class Inferred(wiring.Component):
    """A read-only memory that is left to Yosys."""

    def __init__(self, bits, init):
        self.bits, self.init = bits, init
        super().__init__({"address": In(range(len(init))), "data": Out(bits)})

    def elaborate(self, platform):
        mem = memory.Memory(
            shape=unsigned(self.bits),
            depth=len(self.init),
            init=self.init,
            attrs={"ram_style": "block"},
        )
        read = mem.read_port()
        m = Module()
        m.submodules.mem = mem
        m.d.comb += [read.addr.eq(self.address), self.data.eq(read.data)]
        return m


@pytest.mark.parametrize(("rows", "bits"), READ_TILES)
def test_initial_values_are_those_that_yosys_infers(tmp_path, rows, bits):
    rng = random.Random(rows)
    init = [rng.getrandbits(bits) for _ in range(rows)]
    (found,) = cells(Inferred(bits, init), tmp_path)["DP16KD"]
    for name, value in initial_values(init, bits).items():
        assert int(found[name].replace("x", "0"), 2) == value.value, name


class Copied(wiring.Component):
    """A value that many want."""

    def __init__(self):
        super().__init__({"value": In(1), "out": Out(6)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.out.eq(Cat(copies(m, self.value, 3, name="value")).replicate(2))
        return m


def test_copies_stay_apart(tmp_path):
    # Three of the value, and one behind each: those behind may be shared.
    assert len(cells(Copied(), tmp_path)["TRELLIS_FF"]) == 3 + 3


@pytest.mark.parametrize(("a", "b"), [(signed(8), signed(8)), (unsigned(8), signed(8))])
def test_a_multiplier_is_one_block_with_its_registers(tmp_path, a, b):
    found = cells(Multiplier(Shape.cast(a), Shape.cast(b)), tmp_path, Ecp5())
    (parameters,) = found["MULT18X18D"]
    assert [parameters[register] for register in REGISTERS] == ["CLK0"] * 4
    assert not {"TRELLIS_FF", "LUT4", "CCU2C"} & set(found)


@pytest.mark.parametrize(("width", "depth", "granularity", "blocks"), MEMORIES)
def test_a_memory_is_blocks_alone_and_its_output_registers_inside(
    tmp_path, width, depth, granularity, blocks
):
    found = cells(BlockMemory(width, depth, granularity=granularity), tmp_path, Ecp5())
    assert len(found["DP16KD"]) == blocks
    assert {parameters["REGMODE_B"] for parameters in found["DP16KD"]} == {"OUTREG"}
    widths = {int(parameters["DATA_WIDTH_B"], 2) for parameters in found["DP16KD"]}
    assert widths <= {bits for _, bits in READ_TILES}, "no other width can be packed"
    assert not {"TRELLIS_FF", "LUT4", "TRELLIS_DPR16X4"} & set(found)


@pytest.mark.parametrize(
    ("width", "depth", "granularity"), [(16, 8192, 8), (36, 1024, 18), (36, 2048, 12), (24, 512, 8)]
)
def test_every_bit_of_a_memory_is_written_with_its_own_enable(tmp_path, width, depth, granularity):
    memory = BlockMemory(width, depth, granularity=granularity)
    module = mapped(memory, tmp_path, Ecp5())
    ports = {name: port["bits"] for name, port in module["ports"].items()}
    written = {}
    for cell in module["cells"].values():
        if cell["type"] != "DP16KD":
            continue
        pins = {name: bits[0] for name, bits in cell["connections"].items() if bits}
        enable = ports["write_enable"].index(pins["WEA"])
        if int(cell["parameters"]["DATA_WIDTH_A"], 2) > 9:
            assert (pins["ADA0"], pins["ADA1"]) == ("1", "1"), "bytes of a wide row, enabled"
        for place in range(18):
            if (data := pins.get(f"DIA{place}")) in ports["write_data"]:
                bit = ports["write_data"].index(data)
                assert pins[f"DOB{place}"] == ports["read_data"][bit]
                written[bit] = enable
    assert written == {bit: bit // granularity for bit in range(width)}


def test_a_small_memory_is_left_to_lookup_tables(tmp_path):
    found = cells(BlockMemory(8, 16), tmp_path, Ecp5())
    assert "TRELLIS_DPR16X4" in found and "DP16KD" not in found


def test_a_skeleton_memory_is_rows_of_36_bits(tmp_path):
    found = cells(ReadOnlyMemory(unsigned(96), list(range(64))), tmp_path, Ecp5())
    assert len(found["DP16KD"]) == 3
    assert "TRELLIS_FF" not in found


@pytest.mark.parametrize(
    ("reference", "clock"), [(25, 90), (25, 100), (25, 160), (25, 168.75), (25, 200), (100, 175)]
)
def test_the_pll_keeps_its_limits_and_the_link_has_whole_bits(reference, clock):
    pll = pll_settings(reference, clock)
    assert reference * pll.feedback / pll.input == clock
    oscillator = clock * pll.chip_output
    assert 400 <= oscillator <= 800
    assert pll.link * pll.link_output == oscillator
    assert 48 <= pll.link <= 75 and pll.link % 3 == 0
    assert reference / pll.input >= 3.125


def test_rejects_a_clock_that_the_pll_cannot_make():
    with pytest.raises(ValueError, match=r"^The PLL must make 91 MHz of 25 MHz, and cannot$"):
        pll_settings(25, 91)


def test_rejects_a_board_that_does_not_exist():
    with pytest.raises(InputError, match=r"^Board must be one of ulx3s-25f, .*, not 'nosuch'$"):
        find_board("nosuch")
