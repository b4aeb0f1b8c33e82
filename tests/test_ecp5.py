"""The ECP5's own multipliers and memories, held against what Yosys infers of the portable ones."""

import json
import random
from types import SimpleNamespace

import pytest
from amaranth import Cat, Module, Shape, signed, unsigned
from amaranth.back import rtlil
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.errors import InputError
from hw.boards.catalogue import find_board
from hw.boards.ecp5 import (
    MOST_ROWS,
    READ_TILES,
    Ecp5,
    block_count,
    initial_values,
    read_tiles,
)
from hw.boards.pll import pll_settings
from hw.flow.synthesis import KEEP_COPIES
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


def pins_of(component, folder, kind):
    """Synthesise; return each cell of a kind: its pins by the component's port and bit."""
    module, names = mapped(component, folder, Ecp5()), {"0": "0", "1": "1", "x": "x"}
    for port, entry in module["ports"].items():
        single = len(entry["bits"]) == 1
        names |= {b: port if single else (port, k) for k, b in enumerate(entry["bits"])}
    found = [cell for cell in module["cells"].values() if cell["type"] == kind]
    for cell in found:
        pins = {name: names.get(bits[0]) for name, bits in cell["connections"].items() if bits}
        yield pins, cell["parameters"]


MODES = {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG", "GSR": "DISABLED", "RESETMODE": "SYNC"}


def require_common(pins, parameters):
    """Require what all block memories have in common: one clock, no reset, always chosen."""
    assert {pins.pop(f"CLK{port}") for port in "AB"} == {"clk"}
    assert {pins.pop(f"RST{port}") for port in "AB"} == {"0"}
    assert {pins.pop(f"CS{port}{index}") for port in "AB" for index in range(3)} == {"0"}
    assert {name: parameters[name] for name in MODES} == MODES
    assert {parameters[f"CSDECODE_{port}"] for port in "AB"} == {"0b000"}


@pytest.mark.parametrize(
    ("width", "depth", "granularity", "bits"),
    [(8, 16384, 8, 1), (8, 1100, 8, 9), (36, 600, 18, 18), (8, 5000, 4, 2), (12, 4096, 4, 4)],
)
def test_every_pin_of_a_memory_is_joined_as_the_part_wants_it(
    tmp_path, width, depth, granularity, bits
):
    memory = BlockMemory(width, depth, granularity=granularity)
    cells = list(pins_of(memory, tmp_path, "DP16KD"))
    address = (depth - 1).bit_length()
    skip = {1: 0, 2: 1, 4: 2, 9: 3, 18: 4}[bits]
    assert len(cells) == -(-granularity // bits) * width // granularity
    for pins, parameters in cells:
        require_common(pins, parameters)
        assert {int(parameters[f"DATA_WIDTH_{port}"], 2) for port in "AB"} == {bits}
        assert (pins.pop("WEB"), pins.pop("CEA")) == ("0", "1")
        assert {pins.pop(f"{kind}B") for kind in ("CE", "OCE")} == {"read_enable"}
        for port, name in (("A", "write_address"), ("B", "read_address")):
            found = [pins.pop(f"AD{port}{index}") for index in range(14)]
            low = ["0"] * skip
            if port == "A" and bits == 18:
                low[:2] = ["1", "1"]
            want = [*low, *((name, k) for k in range(address))]
            assert found == want + ["0"] * (14 - len(want))


def test_every_pin_of_a_read_only_memory_of_36_bits(tmp_path):
    memory = ReadOnlyMemory(unsigned(40), list(range(300)))
    cells = list(pins_of(memory, tmp_path, "DP16KD"))
    wide, narrow = sorted(cells, key=lambda cell: len(cell[0]))[::-1]
    for first, bits, (pins, parameters) in ((0, 36, wide), (36, 4, narrow)):
        require_common(pins, parameters)
        assert {int(parameters[f"DATA_WIDTH_{port}"], 2) for port in "AB"} == {36}
        assert (pins["WEA"], pins["WEB"], pins["CEB"], pins["OCEB"]) == ("1", "0", "1", "1")
        want = ["0"] * 5 + [("address", k) for k in range(9)]
        assert [pins[f"ADB{index}"] for index in range(14)] == want
        data = {name: bit for name, bit in pins.items() if name.startswith("DO")}
        ports = {f"DO{'AB'[k // 18]}{k % 18}": ("data", first + k) for k in range(bits)}
        assert data == ports


def test_every_pin_of_a_multiplier(tmp_path):
    ((pins, parameters),) = pins_of(Multiplier(unsigned(8), signed(12)), tmp_path, "MULT18X18D")
    assert (pins["CLK0"], pins["CE0"], pins["RST0"]) == ("clk", "1", "0")
    assert (pins["SIGNEDA"], pins["SIGNEDB"], pins["SOURCEA"], pins["SOURCEB"]) == (*"1100",)
    assert parameters["GSR"] == "DISABLED"
    a = [("a", k) for k in range(8)] + ["0"] * 10
    b = [("b", min(k, 11)) for k in range(18)]
    for name, want in (("A", a), ("B", b)):
        assert [pins[f"{name}{index}"] for index in range(18)] == want
    want = [("product", k) for k in range(20)] + [None] * 16
    assert [pins.get(f"P{k}") for k in range(36)] == want


@pytest.mark.parametrize(
    ("count", "width", "rows", "bits", "ranges"),
    [
        (1, 40, 512, 36, [(0, 36), (36, 40)]),
        (512, 36, 512, 36, [(0, 36)]),
        (513, 36, 1024, 18, [(0, 18), (18, 36)]),
        (1025, 20, 2048, 9, [(0, 9), (9, 18), (18, 20)]),
        (4096, 8, 4096, 4, [(0, 4), (4, 8)]),
        (8192, 3, 8192, 2, [(0, 2), (2, 3)]),
        (16384, 2, 16384, 1, [(0, 1), (1, 2)]),
    ],
)
def test_rows_are_cut_into_tiles_of_the_widest_kind_that_has_them_all(
    count, width, rows, bits, ranges
):
    rng = random.Random(count)
    init = [rng.getrandbits(width) for _ in range(count)]
    found = read_tiles(init, width)
    assert found[:2] == (rows, bits)
    assert [tile[:2] for tile in found[2]] == ranges
    together = [0] * count
    for low, high, part in found[2]:
        assert max(part) < 1 << high - low
        together = [value | row << low for value, row in zip(together, part, strict=True)]
    assert together == init


@pytest.mark.parametrize(
    ("width", "depth", "granularity", "count"),
    [
        (8, 64, 8, 0),
        (8, 65, 8, 1),
        (36, 600, 18, 2),
        (16, 16384, 8, 16),
        (8, 16385, 8, 16),
        (8, 65536, 8, 32),
        (96, 64, 0, 3),
        (8, 16, 0, 1),
        (36, 513, 0, 2),
    ],
)
def test_blocks_are_counted_as_they_are_laid(tmp_path, width, depth, granularity, count):
    assert block_count(width, depth, granularity) == count
    if depth <= MOST_ROWS:
        if granularity:
            memory = BlockMemory(width, depth, granularity=granularity)
        else:
            memory = ReadOnlyMemory(unsigned(width), list(range(depth)))
        assert len(cells(memory, tmp_path, Ecp5()).get("DP16KD", ())) == count


def test_a_memory_of_more_rows_than_a_block_has_is_refused():
    memory = SimpleNamespace(width=8, depth=16385, granularity=8)
    text = r"^A memory must have at most 16,384 rows, not 16,385$"
    with pytest.raises(InputError, match=text):
        Ecp5().get_block_memory(memory)
    with pytest.raises(InputError, match=text):
        read_tiles([0] * 16385, 8)


@pytest.mark.parametrize(("width", "depth"), [(8, 16), (8, 64), (32, 16)])
def test_a_small_memory_is_left_to_lookup_tables(tmp_path, width, depth):
    found = cells(BlockMemory(width, depth), tmp_path, Ecp5())
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
    with pytest.raises(InputError, match=r"^Board must be one of ulx3s-12f, .*, not 'nosuch'$"):
        find_board("nosuch")
