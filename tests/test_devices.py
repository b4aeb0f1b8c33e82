"""The suite of every device, on golden; and a simulated chip that is stuck."""

from types import SimpleNamespace

import pytest

from golden.device import Counters, GoldenDevice
from golden.errors import ToolError
from golden.wire import Operation
from sim.devices.chip import SLICE, STUCK, Chip
from sim.devices.device import SimulatedDevice
from tests.device_suite import DeviceSuite, skeletons


def stopping(codes):
    """Return a chip without a simulator: it ends its slices of clocks with these."""
    chip, ended = object.__new__(Chip), iter(codes)
    chip.limit, chip.asked = 77, []
    chip._handle = SimpleNamespace(
        call=lambda name, *asked: (chip.asked.append((name, *asked)), next(ended))[1]
    )
    return chip


def test_a_stuck_chip_is_given_up_and_a_slow_one_is_not():
    slow = stopping([1, 1, 0])
    slow.clock(data=5, plane=6)
    assert slow.asked == [("clock", SLICE, 77, 5, 6)] * 3
    text = r"^The simulated chip is stuck: nothing moves in 77 clocks$"
    with pytest.raises(ToolError, match=text):
        stopping([1, STUCK]).clock()


def test_a_simulated_chip_counts_from_where_the_lattices_were_loaded():
    device, told = object.__new__(SimulatedDevice), {1: 900, 2: 800}
    device.chip = object.__new__(Chip)
    device.chip._handle = SimpleNamespace(call=lambda name, which: told[which])
    device._load(Operation.LOAD_STATE, [], 0)
    told.update({1: 950, 2: 820})
    assert device.counters() == Counters(clocks=50, busy=20)


class TestGolden(DeviceSuite):
    @pytest.fixture
    def device(self):
        return GoldenDevice(skeletons(), contexts=2)
