"""What LibreLane is given: the chip's Verilog, SRAMs in their places, and a configuration."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from golden.errors import InputError
from hw.asic.floorplan import GAP, MARGIN, UTILISATION, floorplan
from hw.asic.library import find_library
from hw.asic.librelane import require_srams, write_librelane
from hw.asic.macros import ram, rom, single
from hw.asic.srams import SRAMS, assemble
from hw.asic.verilog import ports
from sim.devices.asic import chip_of
from tests.librelane_load import load
from tests.toy_cells import TOY

REPORT = {"area_mm2": 0.2, "corner": {"name": "typ"}, "period_ns": 4.0}


@pytest.fixture(scope="module")
def chip():
    return chip_of("small")


@pytest.fixture(scope="module", params=SRAMS)
def written(request, chip, tmp_path_factory):
    """A library's name, and the configuration that was written for it."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, write_librelane(chip, find_library(request.param), REPORT, folder)


def test_librelane_takes_the_configuration(written, tmp_path):
    library, path = written
    code, config, said = load(path, SRAMS[library].pdk, tmp_path)
    assert code == 0, said
    given = json.loads(path.read_text())
    for name in ("DESIGN_NAME", "CLOCK_PORT", "CLOCK_PERIOD", "DIE_AREA", "PDN_MACRO_CONNECTIONS"):
        assert config[name] == given[name]
    assert set(config["MACROS"]) == set(given["MACROS"])
    for name, macro in config["MACROS"].items():
        assert set(macro["instances"]) == set(given["MACROS"][name]["instances"])
        [header] = macro["vh"]
        assert f"module {name}(" in Path(header).read_text()


def test_librelane_refuses_a_variable_that_it_does_not_know(written, tmp_path):
    library, path = written
    wrong = path.with_name("wrong.json")
    wrong.write_text(json.dumps(json.loads(path.read_text()) | {"CLOCK_PERIODS": 5}))
    code, _, said = load(wrong, SRAMS[library].pdk, tmp_path)
    assert code == 1 and "CLOCK_PERIODS" in said


def test_every_sram_of_the_verilog_has_a_place(written):
    macros = json.loads(written[1].read_text())["MACROS"]
    text = written[1].with_name("thalweg.v").read_text()
    bodies = dict(re.findall(r"^module (\w+)\(.*?^(.*?)^endmodule", text, re.DOTALL | re.MULTILINE))
    cells = {name: re.findall(r"^  (\w+) (\w+) \(", body, re.M) for name, body in bodies.items()}

    def walk(module, path):
        for kind, name in cells.get(module, ()):
            if kind in macros:
                yield path + name, kind
            yield from walk(kind, f"{path}{name}.")

    placed = {name: kind for kind, macro in macros.items() for name in macro["instances"]}
    assert placed == dict(walk("thalweg", "")) and len(placed) == 4


def test_every_port_is_on_one_side(written, chip):
    lines = written[1].with_name("pins.cfg").read_text().split()
    patterns = [line for line in lines if not line.startswith("#")]
    named = [f"{name}[0]" if bits > 1 else name for name, _, bits in ports(chip.rtlil, chip.top)]
    assert {"clk", "rst", "i_data_valid", "o_data_payload[0]"} <= set(named)
    for name in named:
        assert sum(re.fullmatch(pattern, name) is not None for pattern in patterns) == 1


def test_the_period_has_room_for_srams_and_wires(written):
    # The slowest SRAM gives its data 4 ns after the edge, or with the clock's other edge: in both
    # cases 1.25 * 8 ns.
    assert json.loads(written[1].read_text())["CLOCK_PERIOD"] == 10.0


@pytest.mark.parametrize("library", SRAMS)
@pytest.mark.parametrize("design", ["f1", "small"])
def test_srams_do_not_overlap(library, design):
    srams = SRAMS[library].srams
    count = {"f1": 9, "small": 4}[design]
    blocks = {f"u{place}": srams[place % len(srams)] for place in range(count)}
    plan = floorplan(300_000, blocks)
    boxes = {
        name: (x, y, x + blocks[name].size[0], y + blocks[name].size[1])
        for name, (x, y) in plan.places.items()
    }
    assert set(boxes) == set(blocks)
    for one, other in combinations(boxes.values(), 2):
        apart = max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
        assert apart >= GAP
    for box in boxes.values():
        assert min(box[:2]) >= MARGIN
        assert box[2] <= plan.die[0] - MARGIN and box[3] <= plan.die[1] - MARGIN
    top = max(box[3] for box in boxes.values())
    assert (plan.die[0] - 2 * MARGIN) * (plan.die[1] - MARGIN - top) >= 300_000 / UTILISATION


@pytest.mark.parametrize(
    ("library", "macro", "name", "shape"),
    [
        ("sg13g2", single(512, 24), "RM_IHPSG13_1P_512x8_c3_bm_bist", (1, 3, 1)),
        ("sg13g2", ram(2048, 10, 10), "RM_IHPSG13_2P_1024x32_c2_bm_bist", (2, 1, 1)),
        ("sg13g2", ram(16384, 8, 8), "RM_IHPSG13_2P_1024x32_c2_bm_bist", (4, 1, 4)),
        ("sg13g2", single(16384, 8), "RM_IHPSG13_1P_4096x16_c3_bm_bist", (2, 1, 2)),
        ("sg13g2", ram(256, 8, 4), "RM_IHPSG13_2P_256x8_c2_bm_bist", (1, 1, 1)),
        ("sky130", single(512, 24), "sky130_sram_2kbyte_1rw1r_32x512_8", (1, 1, 1)),
        ("sky130", ram(1024, 128, 128), "sky130_sram_2kbyte_1rw1r_32x512_8", (1, 4, 2)),
    ],
)
def test_takes_the_srams_of_least_area(library, macro, name, shape):
    made = assemble(macro, SRAMS[library])
    assert (made.sram.name, (made.lanes, made.columns, made.banks)) == (name, shape)
    lanes, columns, banks = shape
    assert lanes * banks * made.sram.rows >= macro.rows
    assert columns * made.stride >= macro.bits


def test_refuses_what_no_sram_can_be(chip):
    text = "rom_2x4_[0-9a-f]+ must be logic: ihp-sg13g2 has no read-only memory"
    with pytest.raises(InputError, match=text):
        assemble(rom(4, (1, 2)), SRAMS["sg13g2"])
    with pytest.raises(InputError, match=r"^ram_64x8_by4 must be one that the SRAMs of sky130A"):
        assemble(ram(64, 8, 4), SRAMS["sky130"])
    with pytest.raises(InputError, match=r"^LibreLane's library must be one of sg13g2, sky130$"):
        require_srams(chip, TOY)
