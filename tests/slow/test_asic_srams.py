"""A small chip with the SRAMs of a PDK in the place of its macros, against golden."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from golden.samples import network
from hw.asic.srams import SRAMS
from sim.devices.asic import AsicDesign, AsicDevice, chip_of
from sim.proof.prove import Restorer, compare_device
from tests.toy_srams import sram_models


@dataclass(frozen=True)
class SramDesign(AsicDesign):
    """A chip whose memories are SRAMs, with models of these."""

    models: str
    optimise = "-O0"  # compiling takes longer than a run

    def write_verilog(self, folder, text):
        arguments = super().write_verilog(folder, text)
        (folder / "srams.v").write_text(self.models)
        return [*arguments, "srams.v"]


@pytest.mark.parametrize("library", SRAMS)
def test_a_chip_with_srams_computes_golden_codes(library):
    chip = replace(chip_of("small"), srams=SRAMS[library])
    device = AsicDevice(SramDesign(chip, sram_models(library)), seed=1, stall=30)
    skeleton = chip.skeletons[0]
    spec, rng = skeleton.spec, np.random.default_rng(0)
    images = rng.integers(0, 256, (1, spec.image, spec.image)).astype(np.uint8)
    restorer = Restorer(skeleton, network(spec, rng), spec.steps)
    codes = spec.cells * (spec.channels + 3) + spec.image**2
    assert compare_device(device, restorer, images) == codes
