"""Chips of all shapes under Verilator: every code of every step, gated and not, and the clocks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from golden.device import GoldenDevice, run, trace
from golden.samples import adversarial_states, extreme, network, uniform
from golden.spec import Gate
from hw.clocks import run_clocks
from sim.devices.board import SimulatedPort
from sim.devices.designs import ChipDesign, WireDesign
from sim.devices.device import SimulatedDevice
from sim.devices.wire import SimulatedWire
from sw.serial.device import ChipDevice
from tests.shapes import SHAPES, Shape, lively

STALL = 24
LARGE = 16_384
"""Codes of a lattice from which on one skeleton is run, over streams that do not rest."""


@dataclass(frozen=True)
class QuickChip(ChipDesign):
    """A chip, compiled in little time: it makes a few steps here."""

    optimise = "-O1"


@dataclass(frozen=True)
class QuickWire(WireDesign):
    """A chip behind its link, likewise."""

    optimise = "-O1"


@pytest.fixture(autouse=True)
def quick_builds(monkeypatch):
    monkeypatch.setattr("sim.devices.device.ChipDesign", QuickChip)
    monkeypatch.setattr("sim.devices.wire.WireDesign", QuickWire)


def skeletons_of(shape):
    """A skeleton for each place, or one less: every kind and both mappings among the shapes."""
    rng = np.random.default_rng(41)
    kinds = [uniform, lively, extreme][shape.multiplier % 2 :]
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
    large = shape.spec.cells * shape.channels >= LARGE
    skeletons = skeletons_of(shape)[: 1 if large else None]
    device = SimulatedDevice(
        skeletons,
        filters=shape.filters,
        contexts=shape.contexts,
        places=shape.places,
        stall=0 if large else STALL,
    )
    golden = GoldenDevice(tuple(skeletons))
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
        for each in both:
            each.load_states(states_of(shape)[:1], 0)
            run(each, None, steps)
        assert np.array_equal(device.read_states(), golden.read_states())
        clocks = run_clocks(device.geometry, steps)
        assert device.counters() == (clocks, steps * shape.spec.cells * device.geometry.slots)


LINKED = [
    Shape(3, 2, 8, 12, 20, "wrap", 2, 1),
    Shape(1, 2, 16, 64, 64, "wrap", 2, 1),  # planes that are longer than a usual response
]


@pytest.mark.parametrize("shape", LINKED, ids=str)
def test_a_linked_chip_takes_and_gives_lattices_planes_and_images(shape):
    skeletons = tuple(skeletons_of(shape))
    wire = SimulatedWire(shape.geometry, skeletons)
    device, golden = ChipDevice(SimulatedPort(wire), skeletons), GoldenDevice(skeletons)
    assert device.facts.spec == shape.spec
    gate = network(shape.spec, np.random.default_rng(43))
    cells = np.random.default_rng(44).random((shape.contexts, shape.spec.cells)) < 0.3
    for each in (device, golden):
        each.load_states(states_of(shape), 0)
    assert np.array_equal(device.read_states(), states_of(shape))
    for given, steps in ((gate, 3), (None, 1)):
        for each in (device, golden):
            run(each, given, steps)
        assert np.array_equal(device.read_states(), golden.read_states())
    for each in (device, golden):
        run(each, gate, 2)
        each.zero_cells(cells)
    assert np.array_equal(device.read_states(), golden.read_states())
    assert np.array_equal(device.read_images(), golden.read_images())
    assert device.counters().busy == 6 * 2 * shape.spec.cells * shape.geometry.slots


class Interrupted:
    """A gate that gives up after so many answers."""

    def __init__(self, network, answers):
        self.network, self.left = network, answers

    def deltas(self, planes):
        """Answer, or give up."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.network.deltas(planes)


def test_a_reset_in_mid_run_leaves_nothing_behind():
    shape = LINKED[0]
    skeletons = tuple(skeletons_of(shape))
    wire = SimulatedWire(shape.geometry, skeletons)
    device, golden = ChipDevice(SimulatedPort(wire), skeletons), GoldenDevice(skeletons)
    gate = network(shape.spec, np.random.default_rng(43))
    golden.load_states(states_of(shape), 0)
    wanted = trace(golden, gate, 3)
    for answers in range(4):
        device.load_states(states_of(shape), 0)
        with pytest.raises(KeyboardInterrupt):
            run(device, Interrupted(gate, answers), 9)
        device.load_states(states_of(shape), 0)
        assert np.array_equal(trace(device, gate, 3), wanted)


TINY = [
    Shape(1, 1, 4, 4, 4, "wrap", 3, 2),
    Shape(2, 4, 8, 4, 4, "zero", 2, 2),
]


@pytest.mark.parametrize("stall", [0, 160])
@pytest.mark.parametrize("shape", TINY, ids=str)
def test_tiny_lattices_whose_gate_opens_in_every_step_run_long(shape, stall):
    gate = Gate(input_channel=2, output_channel=3, start=1, mapping="phase4")
    skeletons = [
        replace(skeleton, spec=replace(shape.spec, gate=gate)) for skeleton in skeletons_of(shape)
    ]
    device = SimulatedDevice(
        skeletons, filters=shape.filters, contexts=shape.contexts, places=shape.places, stall=stall
    )
    both = device, GoldenDevice(tuple(skeletons))
    answers = network(shape.spec, np.random.default_rng(45))
    rng = np.random.default_rng(46)
    for index in (0, 1, 0):
        for each in both:
            each.choose(index)
            each.load_states(states_of(shape), 7)
        for steps in (1, 57, 2, 100):
            cells = rng.random((shape.contexts, shape.spec.cells)) < 0.1
            for each in both:
                run(each, answers, steps)
                each.zero_cells(cells)
            assert np.array_equal(*(each.read_states() for each in both))
