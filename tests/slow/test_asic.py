"""A small chip for standard cells against golden: its gateware, and its netlist gate by gate.

Everything powers up at random, and is reset. The cells are those of `tests.toy_cells`, which needs
no PDK.
"""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import hw.chip
from golden.errors import Difference, ToolError
from golden.samples import network
from hw.asic.build import build
from hw.asic.library import Target
from hw.skeleton_memory import images
from sim.devices.asic import AsicDesign, AsicDevice, MappedDesign, chip_of
from sim.devices.chip import Chip
from sim.proof.prove import Restorer, compare_device
from tests.asic_faults import FAULTS, plant
from tests.toy_cells import TOY, toy_liberty

LIMIT = 1 << 15
"""Clocks after which a chip counts as stuck."""


class QuickMapped(MappedDesign):
    """A netlist, compiled in little time: it makes a few steps here."""

    optimise = "-O0"


@dataclass(frozen=True)
class Mapped:
    """A chip, and its netlist in cells of a library."""

    chip: object
    netlist: object
    liberty: object

    def device(self, netlist=None, **options):
        """Return the netlist, or another one of the same chip, as a device."""
        design = QuickMapped(self.chip, netlist or self.netlist, self.liberty)
        return AsicDevice(design, limit=LIMIT, **options)


@pytest.fixture(scope="module")
def chip():
    return chip_of("small")


@pytest.fixture(scope="module")
def mapped(chip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    liberty = folder / "toy.lib"
    liberty.write_text(toy_liberty())
    report = build(chip, Target(TOY, "typ", liberty, TOY.period["typ"]), folder)
    assert report["violations"] == {"fanout": 0, "capacitance": 0}
    return Mapped(chip, folder / "netlist.json", liberty)


def compare(device, count=1):
    """Hold gated runs on a device against golden; return the codes compared."""
    skeleton = device.skeletons[0]
    spec, rng = skeleton.spec, np.random.default_rng(0)
    images = rng.integers(0, 256, (count, spec.image, spec.image)).astype(np.uint8)
    return compare_device(device, Restorer(skeleton, network(spec, rng), spec.steps), images)


@pytest.mark.parametrize("stall", [0, 100])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_computes_golden_codes_from_random_power_up(chip, seed, stall):
    spec = chip.geometry.spec
    openings = 3
    codes = spec.cells * (spec.channels + openings) + spec.image**2
    device = AsicDevice(AsicDesign(chip), seed=seed, stall=stall)
    assert compare(device, 2) == 2 * codes


def test_takes_as_many_clocks_as_are_reported(chip):
    spec = chip.geometry.spec
    device = AsicDevice(AsicDesign(chip))
    device.choose(0)
    device.load_images(np.zeros((1, spec.image, spec.image), np.uint8))
    device.start(spec.steps, gated=False)
    device.read_states()
    assert device.counters().clocks == chip.clocks


def test_is_not_to_be_used_before_its_reset(chip, monkeypatch):
    monkeypatch.setattr(Chip, "reset", lambda chip: None)
    assert not all(works(AsicDesign(chip), seed) for seed in range(4))


def works(design, seed):
    """Whether a chip computes golden codes in time."""
    try:
        device = AsicDevice(design, seed=seed, limit=LIMIT)
        return not device.damaged and compare(device) > 0
    except (Difference, ToolError):
        return False


@pytest.mark.parametrize("seed", [3, 4])
def test_netlist_computes_golden_codes(mapped, seed):
    assert compare(mapped.device(seed=seed)) > 0


def test_netlist_with_clock_gates_computes_golden_codes(mapped, tmp_path):
    wanted = Target(TOY, "typ", mapped.liberty, TOY.period["typ"], gates=True)
    report = build(mapped.chip, wanted, tmp_path)
    assert report["clock_gates"]["gates"] > 10
    assert compare(mapped.device(tmp_path / "netlist.json", seed=5)) > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_finds_a_fault_of_the_netlist(mapped, tmp_path, fault):
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps(plant(json.loads(mapped.netlist.read_text()), fault)))
    design = QuickMapped(mapped.chip, path, mapped.liberty)
    assert not all(works(design, seed) for seed in range(4))


def test_finds_a_flipped_bit_of_the_skeleton(mapped, tmp_path, monkeypatch):
    def flip(*given):
        rows = images(*given)
        rows["mix0_0"][7] ^= 1 << 20
        return rows

    monkeypatch.setattr(hw.chip, "images", flip)
    build(chip_of("small"), Target(TOY, "typ", mapped.liberty, TOY.period["typ"]), tmp_path)
    assert mapped.device(tmp_path / "netlist.json").damaged == 1
