"""Chips of other shapes: channels, filters, sides that are no power of two, lattices that wrap."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import trace
from golden.samples import adversarial_states, uniform
from golden.spec import BOUNDARIES, Gate, Spec
from golden.wire import Operation
from hw.clocks import overlaps, run_clocks
from hw.shapes import CHANNELS, Geometry, foldings
from tests.shapes import SHAPES, lively
from tests.test_chip import Bench, each, raster


def test_the_shapes_have_every_folding_and_every_kind_of_lattice():
    found = {(shape.multiplier, shape.filters) for shape in SHAPES}
    assert found == {(multiplier, f) for multiplier in range(1, 9) for f in foldings(multiplier)}
    assert len(SHAPES) >= 30 and len(set(map(str, SHAPES))) == len(SHAPES)
    geometries = [shape.geometry for shape in SHAPES]
    sides = {side for shape in SHAPES for side in (shape.height, shape.width)}
    assert sides >= {4, 12, 20, 28, 36, 60, 64}
    assert {(shape.channels, shape.boundary) for shape in SHAPES} == {
        (channels, boundary) for channels in CHANNELS for boundary in BOUNDARIES
    }
    assert {geometry.contexts for geometry in geometries} == {1, 2, 3}
    assert {geometry.skeletons for geometry in geometries} == {1, 2, 3, 4}
    assert {(geometry.border, overlaps(geometry)) for geometry in geometries} == {
        (0, False),
        (0, True),
        (1, False),
    }


def gate_of(shape):
    """A gate that opens in every step: either mapping, among the shapes."""
    first, last = 0, shape.channels - 1
    if shape.multiplier % 2:
        return Gate(input_channel=1, output_channel=last, start=1, mapping="phase4")
    return Gate(input_channel=last, output_channel=first, start=1)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.quick], ids=str)
def test_a_run_and_a_gated_one_that_goes_on_equal_golden(shape):
    spec, contexts, gate = shape.spec, shape.contexts, gate_of(shape)
    kinds = (uniform, lively)[-shape.places :]
    counts = {"contexts": contexts, "skeletons": shape.places}
    bench = Bench(shape.filters, kinds, gate, spec=spec, gaps=(0, 0, 1), **counts)
    rng = np.random.default_rng(31)
    states = rng.integers(-128, 128, (contexts, *spec.lattice), np.int8)
    if contexts > 1:
        states[1] = adversarial_states(spec)[2]
    place = len(kinds) - 1
    run, gated = {"steps": 2, "skeleton": place}, {"gate": gate, "step": 2}
    commands = [
        *each(Operation.LOAD_STATE, contexts),
        *each(Operation.RUN, contexts, **run),
        *each(Operation.READ_STATE, contexts),
        *each(Operation.RUN, contexts, **run | gated),
        *each(Operation.READ_STATE, contexts),
    ]
    got = bench.play(commands, raster(states), count=2 * states.size)

    golden = bench.golden(place, states)
    alone = trace(golden, None, 2)[:, 2]
    assert got == raster(alone) + raster(trace(golden, bench.network, 2)[:, 2])
    assert len(bench.planes) == 2 * contexts
    assert bench.counters[1] == 4 * contexts * spec.cells * bench.geometry.slots


@pytest.mark.parametrize("boundary", ["zero", "wrap"])
@pytest.mark.parametrize(
    ("side", "channels", "multiplier", "filters"), [(4, 16, 1, 2), (4, 4, 2, 2), (8, 8, 2, 4)]
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
