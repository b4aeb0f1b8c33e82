"""The chip at the end of a byte stream: the suite of every device, and what clocks go into."""

from functools import cache

import numpy as np
import pytest

from golden.device import restore
from golden.errors import Difference
from hw.shapes import Geometry
from sim.devices.board import SimulatedBoard, SimulatedPort
from sim.devices.device import SimulatedDevice
from sim.devices.wire import SimulatedWire
from sim.measure.throughput import Case
from sw.serial.device import ChipDevice
from tests.device_suite import SPEC, DeviceSuite, gate_network, skeletons

PATIENCE = 1 << 13
STEPS = SPEC.steps


@cache
def wire():
    return SimulatedWire(Geometry(spec=SPEC, contexts=4), skeletons(), patience=PATIENCE)


class TestStream(DeviceSuite):
    @pytest.fixture(params=[1, 7.5])
    def device(self, request):
        wire().pace(request.param)
        device = ChipDevice(SimulatedPort(wire()), skeletons())
        device.filters = device.facts.filters
        return device


@cache
def case():
    images = np.random.default_rng(8).integers(0, 256, (4, SPEC.image, SPEC.image), np.uint8)
    return Case.of(skeletons()[0], gate_network(), images, ChipDevice)


@pytest.mark.parametrize("contexts", [1, 2, 4])
def test_every_clock_and_byte_is_accounted_for(contexts):
    pace, think = 20, 321
    wire().pace(pace)
    device = ChipDevice(SimulatedPort(wire()), skeletons())
    spent = case().account(device, wire(), contexts, lambda count: think * count)
    openings = skeletons()[0].spec.gate.openings(0, STEPS)
    assert spent["engine"] == STEPS * SPEC.cells * Geometry(spec=SPEC).slots
    assert spent["gate"] == openings * think
    ways = pace * spent["to_chip"], pace * spent["from_chip"]
    if contexts == 1:
        assert spent["wire"] == pytest.approx(sum(ways), abs=pace), "one way at a time"
    else:
        assert max(ways) <= spent["wire"] < 0.95 * sum(ways), "the two ways overlap"
    least = SPEC.image**2 + openings * SPEC.cells
    assert least < spent["from_chip"] < 1.4 * least + 60
    parts = spent["wire"] + spent["engine"] + spent["gate"] + spent["idle"]
    assert spent["clocks"] <= parts + 1
    if contexts == 1:
        assert spent["clocks"] == pytest.approx(parts, abs=2), "nothing overlaps"
    else:
        assert spent["clocks"] < 0.9 * parts, "engine, wire and gate overlap"


def test_a_thinking_host_meets_a_running_engine_at_the_bare_port():
    device = SimulatedDevice(skeletons(), filters=5)
    spent = case().account(device, device, 2, lambda count: 500 * count)
    slots = device.geometry.slots
    assert spent["engine"] == STEPS * SPEC.cells * slots
    assert spent["gate"] == 500 * skeletons()[0].spec.gate.openings(0, STEPS)
    assert spent["clocks"] < spent["engine"] + spent["gate"]


def test_another_result_than_goldens_is_told_of():
    spoilt = Case(**(case().__dict__ | {"wanted": case().wanted ^ np.uint8(1)}))
    text = r"^2 contexts: digit 0: pixel \(0, 0\) is 255, golden has 254; 144 codes of images"
    with pytest.raises(Difference, match=text):
        spoilt.account(ChipDevice(SimulatedPort(wire()), skeletons()), wire(), 2, lambda count: 0)


def test_a_stream_as_slow_as_a_uart_takes_as_long():
    board = SimulatedBoard(Geometry(spec=SPEC), skeletons(), divisor=8, patience=PATIENCE, ratio=1)
    clocks = []
    wire().pace(80)
    for machine in (board, wire()):
        port = SimulatedPort(machine)
        device = ChipDevice(port, skeletons())
        device.contexts = 2
        while port.read():  # a chip that checks its skeletons first is asked again
            pass
        begin = machine.clocks
        found = restore(device, gate_network(), case().damaged, STEPS)
        assert np.array_equal(found, case().wanted)
        clocks.append(machine.clocks - begin)
    assert clocks[0] == pytest.approx(clocks[1], rel=0.001)
