"""A small chip at a USB host, its gateware and its mapped netlist; and a disturbed host."""

import numpy as np
import pytest

from golden.device import run
from golden.errors import InputError
from hw.boards.catalogue import find_board
from hw.boards.pll import pll_settings
from hw.boards.top import BoardTop, usb_pll
from hw.flow.synthesis import synthesise
from hw.link.usb import PRODUCT, VENDOR
from hw.shapes import Geometry
from sim.devices.usb import HostFault, SimulatedUsbBoard, UsbPort
from sim.devices.usb_netlist import UsbNetlistBoard, UsbNetlistDesign
from sim.devices.verilate import build_root
from sw.serial.device import ChipDevice
from tests.device_suite import SPEC, gate_network, pair, require_equal, skeletons
from tests.faults import run_cases, small_bench
from tests.usb_faults import KINDS, UsbBench

# The pins are asked for as amaranth-boards does.
pytestmark = pytest.mark.filterwarnings("ignore:Using platform.request:DeprecationWarning")

GEOMETRY = Geometry(spec=SPEC, filters=1, contexts=1, skeletons=2)


def compare(board):
    """Run both skeletons, the gate included, and hold every code against golden."""
    device = ChipDevice(UsbPort(board), skeletons())
    for index in range(2):
        for _, golden, states in pair(device, 1, index):
            for each in (device, golden):
                each.load_states(states, 0)
                run(each, gate_network(), 3)
            require_equal(device, golden)
    return device.link


def test_a_board_at_a_usb_host_is_found_and_equals_golden():
    board = SimulatedUsbBoard(GEOMETRY, skeletons(), patience=1 << 12)
    link = compare(board)
    counts = board.account()
    assert (counts.vendor, counts.product, counts.found) == (VENDOR, PRODUCT, 1)
    assert (link.repeats, link.broken, counts.lost, counts.repeated) == (0, 0, 0, 0)
    assert counts.naks and counts.out > 400 and counts.into > 400


def test_a_reset_of_the_bus_begins_both_ways_anew():
    board = SimulatedUsbBoard(GEOMETRY, skeletons(), patience=1 << 12)
    for found in range(1, 4):  # with an odd and an even number of packets before
        link = compare(board)
        assert (link.repeats, board.account().found) == (0, found)
        ChipDevice(UsbPort(board), skeletons()).status()
        board.reset_bus()


@pytest.mark.parametrize("fault", HostFault, ids=lambda fault: fault.name)
def test_usb_repeats_packets_so_that_nothing_is_asked_again(fault):
    board = SimulatedUsbBoard(GEOMETRY, skeletons(), patience=1 << 12)
    for packets in range(4):
        ChipDevice(UsbPort(board), skeletons())
        board.disturb(fault, packets, 37 * packets)
        link = compare(board)
        assert board.account().undisturbed
        assert (link.repeats, link.broken) == (0, 0)


def test_a_cable_that_is_pulled_is_one_line_and_another_run_is_exact():
    board = SimulatedUsbBoard(GEOMETRY, skeletons(), patience=1 << 12)
    device = ChipDevice(UsbPort(board), skeletons())
    device.load_states(np.zeros((1, *SPEC.lattice), np.int8), 0)
    board.plug(False)
    with pytest.raises(InputError, match=r"^the simulated board's USB port went away: no such dev"):
        run(device, gate_network(), 3)
    board.plug(True)
    compare(board)
    assert board.account().found == 2


@pytest.mark.timeout(900)
def test_disturbed_runs_are_exact_or_reported():
    faults, ends = run_cases(small_bench(UsbBench), range(60))
    assert {*faults} == {*KINDS}
    assert ends["exact"] > 20
    assert ends["reported"] + ends["died"] > 5


@pytest.mark.timeout(900)
def test_a_netlist_at_a_usb_host_equals_golden():
    board = find_board("ulx3s-25f")
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(GEOMETRY, skeletons(), pll=pll, usb=usb_pll(platform, "usb"))
    netlist = synthesise(board, platform, top, build_root().resolve() / "sim" / "netlist-usb")
    design = UsbNetlistDesign(netlist, board.name, platform.default_clk)
    simulated = UsbNetlistBoard(design, top)
    link = compare(simulated)
    counts = simulated.account()
    assert (link.repeats, link.broken, counts.lost, counts.found) == (0, 0, 0, 1)
