"""The chip's benches on small lattices, every folding; and once at full size."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.samples import calibrated, extreme, uniform
from golden.skeleton import Skeleton
from golden.spec import Spec
from hw.shapes import Geometry
from sim.cocotb_run import run_chip_bench

# Not square, so that rows and columns are told apart; the image leaves a margin in one direction.
SIZES = {1: (4, 8), 2: (8, 4), 5: (4, 8)}


def skeletons(spec):
    """One of each kind, and the one that ``$SKELETON`` names, its lattice cut down."""
    rng = np.random.default_rng(11)
    found = [make(spec, rng) for make in (uniform, extreme, calibrated)]
    if folder := os.environ.get("SKELETON"):
        found.append(replace(Skeleton.load(Path(folder)), spec=spec))
    return found


@pytest.mark.parametrize("filters", SIZES)
def test_every_state_of_a_small_chip_equals_golden(filters):
    height, width = SIZES[filters]
    spec = Spec(height=height, width=width, image=4)
    rng = np.random.default_rng(12)
    run_chip_bench(
        Geometry(spec=spec, filters=filters),
        skeletons(spec),
        name=f"chip-small-f{filters}",
        images=rng.integers(0, 256, (2, 4, 4), np.uint8),
        image_mappings=("nearest2", "phase4"),
    )
