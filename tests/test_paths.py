"""The slowest paths: which registers they join, how long they are, and what counts as one."""

import pytest

from hw.flow.paths import slowest_paths
from hw.flow.report import limits

WIRES = """
(INTERCONNECT \\$gbuf\\$chip/CLKO a/CLK (0:0:9) (0:0:9))
(INTERCONNECT \\$gbuf\\$chip/CLKO b/CLK (0:0:9) (0:0:9))
(INTERCONNECT \\$gbuf\\$chip/CLKO memory/CLKB (0:0:9) (0:0:9))
(INTERCONNECT link/CLKO other/CLK (0:0:9) (0:0:9))
(INTERCONNECT a/Q lut/A (1:2:30) (1:2:40))
(INTERCONNECT memory/DO lut/B (1:2:3) (1:2:3))
(INTERCONNECT other/Q lut/C (0:0:9000) (0:0:9000))
(INTERCONNECT pin/O lut/D (0:0:8000) (0:0:8000))
(INTERCONNECT lut/F b/DI (5:6:7) (5:6:7))
(INTERCONNECT lut/F b/CE (5:6:70) (5:6:70))
(INTERCONNECT lut/F other/DI (0:0:5000) (0:0:5000))
(INTERCONNECT b/Q a/DI (5:6:600) (5:6:600))
"""

REGISTER = """
(INSTANCE {})
(IOPATH CLK Q (1:2:100) (1:2:100))
(SETUPHOLD (posedge DI) (posedge CLK) (-3:-2:-1) (50:60:70))
(SETUPHOLD (negedge DI) (posedge CLK) (-3:-2:-1) (50:60:70))
(SETUPHOLD (posedge CE) (posedge CLK) (0:1:2) (50:60:70))
(SETUPHOLD (posedge LSR) (posedge CLK) (0:1:4000) (50:60:70))
"""

OTHERS = """
(INSTANCE memory)
(IOPATH CLKB DO (1:2:800) (1:2:900))
(SETUPHOLD (posedge AD) (posedge CLKB) (0:1:5) (50:60:70))
(INSTANCE lut)
(IOPATH A F (1:2:20) (1:2:20))
(IOPATH B F (1:2:20) (1:2:25))
(IOPATH C F (1:2:20) (1:2:20))
(IOPATH D F (1:2:20) (1:2:20))
"""


@pytest.fixture
def sdf(tmp_path):
    path = tmp_path / "x.sdf"
    path.write_text(WIRES + "".join(map(REGISTER.format, ("a", "b", "other"))) + OTHERS)
    return path


def test_a_path_is_as_long_as_its_slowest_way_from_a_register_of_the_clock(sdf):
    # Of the memory: 900 to its output, 3 and 25 to the table's, 70 and 2 to the register.
    slow, quick = (1.0, "memory", "b"), (0.699, "b", "a")
    assert slowest_paths(sdf, "$gbuf$chip", 10) == [slow, quick]
    assert slowest_paths(sdf, "$gbuf$chip", 1) == [slow]


def test_another_clocks_paths_are_its_own(sdf):
    sdf.write_text(sdf.read_text().replace("b/Q a/DI", "other/Q other/CE"))
    assert slowest_paths(sdf, "link", 10) == [(14.119, "other", "other")]
    assert slowest_paths(sdf, "no clock", 10) == []


def test_paths_are_grouped_by_the_modules_that_they_join():
    paths = [
        (9.0, "board.linked.chip.array.lane12.mix0.pe3.sum_FF_1", "board.linked.link.x_FF"),
        (8.0, "board.linked.chip.array.lane0.mix1.pe1.sum_FF", "board.linked.link.y_FF_2"),
        (7.0, "board.linked.link.y_FF", "held_FF"),
    ]
    assert limits(paths) == [
        {"from": "chip.array.lane.mix.pe", "to": "link", "paths": 2, "ns": 9.0},
        {"from": "link", "to": "board", "paths": 1, "ns": 7.0},
    ]
