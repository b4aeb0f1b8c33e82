"""The suite of every device, on the simulated chip and on a board behind its wires."""

from functools import cache

import pytest

from hw.shapes import Geometry
from sim.board import SimulatedBoard, SimulatedPort
from sim.device import SimulatedDevice
from sw.serial import ChipDevice
from tests.device_suite import SPEC, DeviceSuite, skeletons

PATIENCE = 1 << 13


@cache
def board():
    return SimulatedBoard(Geometry(spec=SPEC), skeletons(), divisor=8, patience=PATIENCE)


class TestSimulated(DeviceSuite):
    @pytest.fixture
    def device(self):
        device = SimulatedDevice(skeletons(), stall=32)
        device.filters = 5
        return device


class TestWires(DeviceSuite):
    @pytest.fixture
    def device(self):
        device = ChipDevice(SimulatedPort(board()), skeletons())
        device.filters = device.facts.filters
        return device
