"""The chip's bench on small lattices, every folding; and once at full size."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.gate import GateNetwork
from golden.samples import calibrated, extreme, network, uniform
from golden.skeleton import GATE_FILE, SHIPPED, Skeleton
from golden.spec import Gate, Spec
from hw.shapes import Geometry
from sim.cocotb_run import Plan, run_chip_bench

# Not square, so that rows and columns are told apart; the image leaves a margin in one direction.
SIZES = {1: (4, 8), 2: (8, 4), 5: (4, 8)}


def trained() -> Path | None:
    """Return the folder of a trained skeleton: ``$SKELETON``, else a shipped one, else none."""
    named = os.environ.get("SKELETON")
    shipped = sorted(path.parent for path in SHIPPED.glob("*/skeleton.json"))
    return Path(named) if named else next(iter(shipped), None)


@pytest.mark.parametrize("filters", SIZES)
def test_every_state_of_a_small_chip_equals_golden(filters: int) -> None:
    height, width = SIZES[filters]
    spec = Spec(height=height, width=width, image=4)
    rng = np.random.default_rng(32)
    skeletons = [make(spec, rng) for make in (uniform, extreme, calibrated)]
    if folder := trained():
        skeletons.append(replace(Skeleton.load(folder), spec=spec))
    run_chip_bench(
        Geometry(spec=spec, filters=filters),
        skeletons,
        Plan(image_mappings=("nearest2", "phase4"), steps=4),
        name=f"chip-small-f{filters}",
        images=rng.integers(0, 256, (2, 4, 4), np.uint8),
    )


@pytest.mark.parametrize(
    ("multiplier", "filters", "channels", "height", "width", "boundary"),
    [
        (1, 1, 4, 4, 4, "zero"),
        (3, 3, 4, 8, 12, "wrap"),
        (2, 4, 8, 12, 4, "wrap"),
    ],
)
def test_every_state_of_a_chip_of_another_shape_equals_golden(
    multiplier: int, filters: int, channels: int, height: int, width: int, boundary: str
) -> None:
    spec = Spec(
        multiplier=multiplier,
        channels=channels,
        height=height,
        width=width,
        boundary=boundary,
        image=4,
    )
    rng = np.random.default_rng(34)
    run_chip_bench(
        Geometry(spec=spec, filters=filters),
        [make(spec, rng) for make in (uniform, calibrated)],
        Plan(image_mappings=("nearest2",), steps=2, adversarial_states=3),
        name=f"chip-shape-m{multiplier}-f{filters}",
        images=rng.integers(0, 256, (2, 4, 4), np.uint8),
    )


def test_every_state_of_a_full_chip_equals_golden() -> None:
    rng = np.random.default_rng(33)
    folder = trained()
    if folder is None:
        gate = Gate(input_channel=0, output_channel=1, start=4)
        skeleton = calibrated(Spec(gate=gate), rng)
        networks: tuple[GateNetwork, ...] = (network(skeleton.spec, rng),)
    else:
        skeleton = Skeleton.load(folder)
        file = folder / GATE_FILE
        networks = (GateNetwork.load(file),) if file.exists() else ()
    images = rng.integers(0, 256, (2, 28, 28), np.uint8)
    images[rng.random(images.shape) < 0.7] = 0
    plan = Plan(
        image_mappings=("own" if networks else "none",),
        cases=(("phase4", 2),),
        adversarial_states=2,
        random_states=0,
    )
    given = {"name": "chip-full-f5", "tests": "every_|steps=10"}
    run_chip_bench(Geometry(), (skeleton,), plan, images=images, networks=networks, **given)
