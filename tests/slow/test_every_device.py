"""The suite of every device, on the simulated chip and on a board behind its wires."""

import subprocess
import sys
from functools import cache

import pytest

from golden.device import run
from golden.errors import InputError
from hw.shapes import Geometry
from sim.devices.board import SimulatedBoard, SimulatedPort
from sim.devices.device import SimulatedDevice
from sw.serial.device import ChipDevice, open_serial
from sw.serial.link import LinkError
from tests.device_suite import (
    SPEC,
    DeviceSuite,
    gate_network,
    lattices,
    pair,
    require_equal,
    skeletons,
)

PATIENCE = 1 << 14  # a host waits for twice as long, which is longer than a check of the skeletons


@cache
def board():
    return SimulatedBoard(Geometry(spec=SPEC), skeletons(), divisor=8, patience=PATIENCE)


class TestSimulated(DeviceSuite):
    @pytest.fixture
    def device(self):
        device = SimulatedDevice(skeletons(), stall=32)
        device.filters = 5
        return device

    def test_several_come_and_go_in_any_order(self, device):
        others = [SimulatedDevice(skeletons()) for _ in range(2)]
        for each in others:
            each.choose(0)
            each.load_states(lattices(2), 0)
        del others[0], each
        for *both, states in pair(device, 2):
            for one in (*both, *others):
                one.choose(0)
                one.load_states(states, 0)
                run(one, gate_network(), 3)
            require_equal(*both)
            require_equal(others[0], both[1])


class TestWires(DeviceSuite):
    @pytest.fixture
    def device(self):
        device = ChipDevice(SimulatedPort(board()), skeletons())
        device.filters = device.facts.filters
        return device


@pytest.fixture(scope="module")
def terminal():
    """Path of a pseudo-terminal with a board behind it, in a process of its own."""
    board()  # built here, where a log would be seen
    script = (
        "from sim.devices.terminal import serve; from tests.slow.test_every_device import board; "
        "serve(board())"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, text=True
    )
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait()
    process.stdout.close()


class TestSerial(DeviceSuite):
    @pytest.fixture
    def device(self, terminal):
        device = open_serial(terminal, skeletons())
        device.filters = device.facts.filters
        yield device
        device.close()

    def test_port_is_ours_alone(self, device, terminal):
        with pytest.raises(InputError, match="must be a free serial port at 3000000 baud"):
            open_serial(terminal, skeletons())

    def test_interrupted_run_leaves_the_device_usable(self, device):
        class Interrupted:
            def deltas(self, planes):
                raise KeyboardInterrupt

        _, golden, states = next(pair(device, 2))
        device.load_states(states, 0)
        with pytest.raises(KeyboardInterrupt):
            run(device, Interrupted(), 5)
        write = device.link.port.write

        def cut_short(data):
            write(data[: len(data) // 2])
            raise KeyboardInterrupt

        device.load_states(states, 0)
        device.link.port.write = cut_short
        with pytest.raises(KeyboardInterrupt):
            run(device, gate_network(), 5)
        device.link.port.write = write
        with pytest.raises(LinkError, match="was interrupted: load the batch again"):
            device.planes()
        for each in (device, golden):
            each.load_states(states, 0)
            run(each, gate_network(), 5)
        require_equal(device, golden)

    def test_other_rate_gets_no_answer(self, terminal):
        with pytest.raises(LinkError, match="gives no answer: is the board on, and at this rate"):
            open_serial(terminal, skeletons(), 1_000_000)
