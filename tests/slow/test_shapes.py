"""Chips of all shapes under Verilator: every code of every step, gated and not, and the clocks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from golden.device import GoldenDevice, run, trace
from golden.samples import adversarial_states, calibrated, extreme, network, uniform
from golden.spec import Gate
from hw.clocks import run_clocks
from sim.devices.designs import ChipDesign
from sim.devices.device import SimulatedDevice
from tests.shapes import SHAPES

STALL = 24


@dataclass(frozen=True)
class QuickBuild(ChipDesign):
    """A chip that is compiled in little time: it makes a few steps."""

    optimise = "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0"


@pytest.fixture(autouse=True)
def quick_builds(monkeypatch):
    monkeypatch.setattr("sim.devices.device.ChipDesign", QuickBuild)


def skeletons_of(shape):
    """A skeleton for each place, or one less: every kind and both mappings among the shapes."""
    rng = np.random.default_rng(41)
    kinds = [uniform, calibrated, extreme][shape.multiplier % 2 :]
    gates = [
        Gate(input_channel=shape.channels - 1, output_channel=0, start=1, mapping="phase4"),
        Gate(input_channel=1, output_channel=shape.channels - 2, start=1, every=2),
    ]
    if shape.width % 8:
        gates.reverse()
    pairs = list(zip(kinds, gates, strict=False))[: shape.places]
    return [
        replace(kind(shape.spec, rng), spec=replace(shape.spec, gate=gate)) for kind, gate in pairs
    ]


def states_of(shape):
    """A lattice for each context: random ones, and one of the ends of the range."""
    rng = np.random.default_rng(42)
    states = rng.integers(-128, 128, (shape.contexts, *shape.spec.lattice), np.int8)
    if shape.contexts > 1:
        states[1] = adversarial_states(shape.spec)[2]
    return states


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if not shape.quick], ids=str)
def test_every_code_of_every_step_equals_golden(shape):
    skeletons = skeletons_of(shape)
    device = SimulatedDevice(
        skeletons,
        filters=shape.filters,
        contexts=shape.contexts,
        places=shape.places,
        stall=STALL,
    )
    golden, both = GoldenDevice(tuple(skeletons)), []
    both = device, golden
    gate = network(shape.spec, np.random.default_rng(43))
    cells = np.random.default_rng(44).random((shape.contexts, shape.spec.cells)) < 0.3
    for index in range(len(skeletons)):
        for each in both:
            each.choose(index)
            each.load_states(states_of(shape), 0)
        for given, steps in ((None, 2), (gate, 2)):
            found, wanted = (trace(each, given, steps) for each in both)
            assert np.array_equal(found, wanted)
        for each in both:
            run(each, gate, 2)
            each.zero_cells(cells)
        assert np.array_equal(device.read_states(), golden.read_states())
        assert np.array_equal(device.read_images(), golden.read_images())
        for each in both:
            run(each, gate, 1)
        assert np.array_equal(device.read_states(), golden.read_states())
    for steps in (1, 3):
        device.load_states(states_of(shape)[:1], 0)
        run(device, None, steps)
        device.read_images()
        clocks = run_clocks(device.geometry, steps)
        assert device.counters() == (clocks, steps * shape.spec.cells * device.geometry.slots)
