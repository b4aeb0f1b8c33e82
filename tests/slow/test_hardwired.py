"""The hardwired chip against golden under Verilator: whole digits, a netlist; a placement."""

from dataclasses import replace

import numpy as np
import pytest

from golden.samples import calibrated
from golden.skeleton import SHIPPED, Skeleton
from hw.asic.chips import asic_chip
from hw.flow.hardwired import estimate
from hw.flow.hardwired_placing import place
from hw.hardwired.plan import Plan
from sim.devices.asic import AsicDesign
from sim.hardwired import compare_hardwired
from sw.data.damage import blank
from sw.data.load import show_digits
from tests.hardwired import SMALL, skeleton_of

pytest.importorskip("da4ml")


@pytest.fixture(autouse=True)
def generated(tmp_path, monkeypatch):
    """Let everything that is generated go to the test's own folder."""
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))


@pytest.mark.timeout(1800)
def test_whole_digits_equal_golden():
    skeleton = Skeleton.load(SHIPPED / "digits")
    damaged = blank(show_digits()[0][:2], range(2))
    compare_hardwired(skeleton, damaged, skeleton.spec.steps)


@pytest.mark.timeout(1800)
def test_the_mapped_netlist_of_a_small_chip_equals_golden(tmp_path):
    skeleton = skeleton_of(calibrated, SMALL)
    images = np.random.default_rng(2).integers(0, 256, (3, 4, 4)).astype(np.uint8)
    compare_hardwired(skeleton, images, 4, lattices=7, netlist=tmp_path / "netlist")


@pytest.mark.timeout(1800)
def test_a_small_chip_for_standard_cells_equals_golden_from_random_power_up():
    skeleton = skeleton_of(calibrated, replace(SMALL, width=8, image=8))
    chip = asic_chip("hardwired", [skeleton])
    assert [macro.name for macro in chip.macros] == ["ram_64x32", "ram_128x8"]
    images = np.random.default_rng(2).integers(0, 256, (2, 8, 8)).astype(np.uint8)
    compare_hardwired(skeleton, images, 3, lattices=3, cells=AsicDesign(chip))


@pytest.mark.timeout(1800)
def test_a_small_chip_is_placed_and_its_cells_are_told(tmp_path):
    plan = Plan(skeleton_of(calibrated, SMALL))
    found = place(plan, tmp_path, seeds=2)
    fmax = found["fmax_mhz"]
    assert fmax["seeds"] == 2 and 100 < fmax["min"] < fmax["max"] and found["dsp"]["used"] == 0
    assert found["lut"]["used"] > estimate(plan)["bits"]  # an adder takes one a bit at least
    assert found["digits_per_second_engine"] == pytest.approx(
        fmax["max"] * 1e6 / plan.clocks_per_digit, abs=0.06
    )
    (tmp_path / "nextpnr-1.log").unlink()  # a placement that was made is not made again
    assert place(plan, tmp_path, seeds=2) == found and not (tmp_path / "nextpnr-1.log").exists()
