"""The project for Tiny Tapeout: the tiles that it needs, its files, and what its host says."""

import json
import re
from itertools import combinations

import pytest

from golden.errors import InputError
from golden.frames import parse
from golden.wire import Kind
from hw.asic.library import find_library
from hw.asic.srams import SRAMS
from hw.asic.tiles import TILES, fit, place, report, require_fit
from hw.asic.tiny_project import require_tiny, write_project
from hw.asic.tiny_tapeout import BIDIRECTIONAL
from sim.devices.asic import chip_of
from sim.tiny_tapeout import conversation
from tests.librelane_load import load

REPORT = {"area_mm2": 0.45, "corner": {"name": "typ"}, "period_ns": 4.0}
IHP = {sram.name: sram for sram in SRAMS["sg13g2"].srams}
BYTES = IHP["RM_IHPSG13_2P_256x8_c2_bm_bist"]


@pytest.fixture(scope="module")
def chip():
    return chip_of("tiny")


@pytest.fixture(scope="module")
def project(chip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_project(chip, find_library("sg13g2"), REPORT, conversation(chip), folder)
    return folder


@pytest.mark.parametrize(
    ("cells", "srams", "tiles"),
    [(10_000, 0, "1x1"), (10_000, 1, "2x2"), (420_000, 4, "8x4"), (900_000, 0, None)],
)
def test_takes_the_smallest_tiles_that_have_room(cells, srams, tiles):
    assert fit(cells, {place: BYTES for place in range(srams)}) == tiles


def test_srams_lie_within_the_tiles_and_apart():
    srams = {name: sram for name, sram in IHP.items() if "256x" in name}
    corners = place("8x4", srams)
    boxes = [
        (x, y, x + srams[name].size[0], y + srams[name].size[1]) for name, (x, y) in corners.items()
    ]
    width, height = TILES["8x4"]
    assert all(box[0] > 0 and box[1] > 0 and box[2] < width and box[3] < height for box in boxes)
    for one, other in combinations(boxes, 2):
        assert max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3]) > 0


def test_reports_area_and_tiles():
    found = report(450_000, {0: BYTES})
    assert found["tiles"] == "8x4" and found["count"] == 32
    assert found["tiles_mm2"] == 1.2253 and found["srams_mm2"] == 0.0381
    assert report(900_000, {})["tiles"] is None


def test_refuses_what_does_not_fit(chip):
    text = "The chip must fit into 8x4 tiles of Tiny Tapeout: it is too large"
    with pytest.raises(InputError, match=f"^{text}$"):
        require_fit(900_000, {})
    text = "^--tiny-tapeout must be given with --design tiny --library sg13g2$"
    with pytest.raises(InputError, match=text):
        require_tiny(chip, find_library("sky130"))


def test_the_facts_are_those_that_the_template_wants(project):
    lines = (project / "info.yaml").read_text().splitlines()
    values = dict(re.fullmatch(r" *([^:]+): ?(.*)", line).groups() for line in lines)
    assert values["yaml_version"] == "6"
    for name in ("title", "author", "description", "language"):
        assert json.loads(values[name])
    assert json.loads(values["tiles"]) in TILES
    assert json.loads(values["top_module"]) == "tt_um_thalweg"
    for source in json.loads(values["source_files"]):
        assert "module tt_um_thalweg(" in (project / "src" / source).read_text()
    pins = {name: json.loads(value) for name, value in values.items() if "[" in name}
    assert len(pins) == 24 and [pins[f"uio[{bit}]"] for bit in range(8)] == [
        name for name, _, _ in BIDIRECTIONAL
    ]


def test_the_datasheet_and_the_makefile_are_filled_in(project):
    assert "@" not in (project / "docs" / "info.md").read_text()
    makefile = (project / "test" / "Makefile").read_text()
    macros = json.loads((project / "src" / "config.json").read_text())["MACROS"]
    assert "SRAMS = " + " ".join(macros) in makefile
    assert sum(len(macro["instances"]) for macro in macros.values()) == 5


def test_librelane_takes_the_configuration(project, tmp_path):
    config = json.loads((project / "src" / "config.json").read_text())
    added = {"DESIGN_NAME": "tt_um_thalweg", "VERILOG_FILES": ["dir::tt_um_thalweg.v"]}
    merged = project / "src" / "merged.json"  # as Tiny Tapeout's tools complete it
    merged.write_text(json.dumps(config | added | {"DIE_AREA": [0, 0, *TILES["8x4"]]}))
    code, found, said = load(merged, SRAMS["sg13g2"].pdk, tmp_path)
    assert code == 0, said
    assert found["CLOCK_PERIOD"] == 20 and set(found["MACROS"]) == set(config["MACROS"])


def test_the_host_says_requests_that_the_chip_can_keep(chip):
    says = [bytes.fromhex(frame) for frame, _ in conversation(chip)["exchanges"]]
    requests = [parse(frame.removesuffix(b"\0")) for frame in says]
    assert [request.kind for request in requests[:2]] == [Kind.IDENTIFY, Kind.RESET]
    assert {request.kind for request in requests[2:]} == {Kind.EXCHANGE}
    assert all(len(request.payload) + 6 <= chip.geometry.request for request in requests)
