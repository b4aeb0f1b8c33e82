"""Chips of other shapes: channels, filters, sides that are no power of two, lattices that wrap."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import trace
from golden.samples import calibrated, uniform
from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.clocks import overlaps, run_clocks
from hw.shapes import Geometry
from tests.test_chip import Bench, each, raster

GATE = Gate(input_channel=3, output_channel=2, start=1, mapping="phase4")

SHAPES = [  # channels, multiplier, filters, height, width, boundary, gate
    (4, 1, 1, 4, 4, "zero", GATE),
    (4, 1, 1, 4, 4, "wrap", None),
    (4, 8, 8, 4, 12, "zero", None),
    (8, 3, 6, 4, 4, "wrap", GATE),
    (8, 2, 1, 12, 4, "wrap", GATE),
    (8, 5, 5, 8, 12, "zero", GATE),
    (16, 4, 8, 4, 4, "zero", GATE),
    (16, 5, 10, 12, 4, "zero", None),
    (16, 6, 3, 4, 4, "zero", None),
]


@pytest.mark.parametrize(
    ("channels", "multiplier", "filters", "height", "width", "boundary", "gate"), SHAPES
)
def test_a_run_and_one_that_goes_on_equal_golden_and_take_the_clocks_of_the_formula(
    channels, multiplier, filters, height, width, boundary, gate
):
    spec = Spec(
        channels=channels,
        multiplier=multiplier,
        height=height,
        width=width,
        boundary=boundary,
        image=4,
    )
    bench = Bench(filters, (uniform, calibrated), gate, spec=spec, gaps=(0, 0, 1))
    rng = np.random.default_rng(31)
    states = rng.integers(-128, 128, (2, *spec.lattice), np.int8)
    runs = [each(Operation.RUN, steps=1, skeleton=1, gate=gate, step=step) for step in range(3)]
    commands = [*each(Operation.LOAD_STATE), *runs[0], *runs[1], *each(Operation.READ_STATE)]
    count = 2 * states[0].size
    got = bench.play(commands, raster(states), count=count)

    golden = bench.golden(1, states)
    want = trace(golden, bench.network if gate else None, 2)[:, 2]
    assert got == raster(want)
    assert len(bench.planes) == (4 if gate else 0)


@pytest.mark.parametrize("boundary", ["zero", "wrap"])
@pytest.mark.parametrize(
    ("side", "channels", "multiplier", "filters"), [(4, 16, 1, 2), (4, 4, 2, 2), (12, 16, 4, 8)]
)
def test_clocks_of_a_run_follow_the_formula(boundary, side, channels, multiplier, filters):
    spec = Spec(
        height=side,
        width=side,
        image=4,
        channels=channels,
        multiplier=multiplier,
        boundary=boundary,
    )
    for steps in (1, 2, 4):
        bench = Bench(filters, (), None, spec=spec)
        bench.play([(Operation.RUN, 1, {"steps": steps}), (Operation.READ_IMAGE, 1, {})], count=16)
        busy = steps * spec.cells * bench.geometry.slots
        assert bench.counters == (run_clocks(bench.geometry, steps), busy)


def test_small_lattices_and_those_that_wrap_drain_after_each_pass():
    small = Spec(height=4, width=4, image=4, channels=4)
    assert not overlaps(Geometry(spec=small, filters=5))
    assert overlaps(Geometry(spec=small, filters=1))
    assert overlaps(Geometry(spec=Spec(), filters=10))
    assert not overlaps(Geometry(spec=replace(Spec(), boundary="wrap"), filters=10))
