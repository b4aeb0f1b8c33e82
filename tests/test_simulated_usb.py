"""The simulated board at a USB host, its library played: what it is told; a port that is gone."""

from types import SimpleNamespace

import pytest

from golden.errors import InputError
from golden.wire import PATIENCE
from hw.boards.pll import usb_pll_settings
from hw.ports import FLUSH
from hw.skeleton_memory import images
from sim.devices.board import RATIO
from sim.devices.designs import UsbBoardDesign
from sim.devices.netlist import plain
from sim.devices.usb import FRAME, FRAMES, HostCounts, HostFault, SimulatedUsbBoard, UsbPort
from sim.devices.usb_netlist import UsbNetlistBoard, UsbNetlistDesign
from tests.device_suite import skeletons
from tests.test_netlist_design import PORTS
from tests.test_simulated_board import GEOMETRY, played, stored  # noqa: F401 - a fixture

COUNTS = HostCounts(*range(1, 13))


@pytest.fixture
def board(played):  # noqa: F811
    """A board and its library."""
    library, _ = played

    def account(it, counts):
        counts[:12] = [*COUNTS]

    library.board_account.side_effect = account
    for name in ("plug", "reset_bus", "disturb"):
        function = getattr(library, f"board_{name}")
        function.side_effect = lambda *given, name=name: library.told.append((name, *given[1:]))
    return SimulatedUsbBoard(GEOMETRY, skeletons(), patience=77), library


def test_a_board_is_made_filled_and_reset(played):  # noqa: F811
    library, asked = played
    SimulatedUsbBoard(GEOMETRY, skeletons(), patience=77, progress="say")
    assert asked == [(UsbBoardDesign(GEOMETRY, 77), "say")]
    assert library.told == [("new", RATIO), ("reset", FLUSH)]
    assert library.rows == stored(images(GEOMETRY, skeletons()))
    library.rows.clear()
    SimulatedUsbBoard(GEOMETRY, skeletons())
    assert asked[1] == (UsbBoardDesign(GEOMETRY, PATIENCE), print)


def test_what_happens_to_a_host_reaches_it(board):
    model, library = board
    library.told.clear()
    model.disturb(HostFault.FLIP_HEARD, 3, 9)
    model.reset_bus()
    model.plug(False)
    assert library.told == [("disturb", 5, 3, 9), ("reset_bus",), ("plug", False)]
    assert model.account() == COUNTS


def test_a_port_sends_once_the_device_is_found_and_waits_a_frame_longer(board):
    model, library = board
    library.told.clear()
    port = UsbPort(model)
    port.write(b"\0x")
    assert library.told == [("send", b"\0x", 2)]
    assert port.patience == FRAME + 2 * 77 and UsbPort(model, 5).patience == FRAME + 5
    clocked = []
    library.board_account.side_effect = lambda it, counts: None
    library.board_clock.side_effect = lambda it, limit, quiet: clocked.append(limit)
    with pytest.raises(InputError, match=r"^the simulated board's USB port does not come up: no"):
        port.write(b"y")
    assert clocked == [FRAME] * FRAMES and len(library.told) == 1


def test_a_port_without_its_cable_went_away(board):
    model, _ = board
    port = UsbPort(model)
    model.plug(False)
    for use in (lambda: port.write(b"x"), port.read):
        with pytest.raises(InputError, match=r"^the simulated board's USB port went away: no such"):
            use()
    model.plug(True)
    port.write(b"x")


PAD = {
    "type": "TRELLIS_IO",
    "parameters": {"DIR": "BIDIR"},
    "port_directions": {"B": "inout", "I": "input", "T": "input", "O": "output"},
    "attributes": {},
}
USB_PORTS = {
    "clk25_0__io": {"direction": "input", "bits": [2]},
    "usb_0__d_p__io": {"direction": "inout", "bits": [3]},
    "usb_0__d_n__io": {"direction": "inout", "bits": [4]},
    "usb_0__pullup__io": {"direction": "output", "bits": [5]},
    "button_0__io": {"direction": "input", "bits": [6]},
}
USB_MODULE = {
    "attributes": {},
    "ports": USB_PORTS,
    "cells": {
        f"pad{bit}": PAD | {"connections": {"B": [bit], "I": [10 + bit], "T": [20], "O": ["x"]}}
        for bit in (3, 4)
    },
    "netnames": {"n": {"bits": [31, "0"]}},
}


def test_pads_of_both_directions_are_taken_apart():
    before = repr(USB_MODULE)
    found = plain(USB_MODULE)
    assert repr(USB_MODULE) == before, "the netlist itself stays"
    assert [cell["type"] for cell in found["cells"].values()] == ["TRELLIS_IO_BIDIR"] * 2
    for place, name in enumerate(("d_p", "d_n")):
        cell, port = found["cells"][f"c{place}"], f"usb_0__{name}__io"
        new = {pin: [32 + 2 * place + k] for k, pin in enumerate(("LEVEL", "DRIVES"))}
        assert cell["connections"] == USB_MODULE["cells"][f"pad{3 + place}"]["connections"] | new
        wanted = {"B": "input", "I": "input", "T": "input", "O": "output"}
        assert cell["port_directions"] == wanted | dict.fromkeys(new, "output")
        assert found["ports"][port] == {"direction": "input", "bits": [3 + place]}
        for pin, bits in new.items():
            added = found["ports"][f"{port}__{pin.lower()}"]
            assert added == {"direction": "output", "bits": bits}


def test_the_top_of_a_netlist_has_the_pins_of_a_port(tmp_path):
    design = UsbNetlistDesign(tmp_path / "x.json", "ulx3s-25f", "clk25")
    assert (design.shims[0], design.options) == ("usb_board.cpp", ("-DOSCILLATOR",))
    text = design.wrap(plain(USB_MODULE)["ports"])
    assert text.startswith(
        "module thalweg_netlist(input clk, rst, link_clk, link_rst, usb_clk, usb_rst, dp_i, dn_i, "
        "output dp_o, dn_o, driven, pulled);\n"
    )
    for pair in ("clk25_0__io(clk)", "usb_0__d_p__io(dp_i)", "usb_0__d_n__io(dn_i)",
                 "usb_0__d_p__io__level(dp_o)", "usb_0__d_n__io__level(dn_o)",
                 "usb_0__d_p__io__drives(driven)", "usb_0__d_n__io__drives()",
                 "usb_0__pullup__io(pulled)", "button_0__io(1'b1)"):  # fmt: skip
        assert f".{pair}" in text, pair
    with pytest.raises(InputError, match=r"^The netlist must have a clock clk25 and a USB port, "):
        design.wrap(PORTS)


def test_a_netlist_is_clocked_by_the_oscillator_of_its_plls(played):  # noqa: F811
    library, asked = played
    library.listen([1, 1])
    linked = SimpleNamespace(link=SimpleNamespace(patience=55))
    top = SimpleNamespace(
        usb=usb_pll_settings(25), board=SimpleNamespace(geometry=GEOMETRY, linked=linked)
    )
    design = SimpleNamespace(memories={"first": "a", "second": "b"})
    board = UsbNetlistBoard(design, top, progress="say")
    assert asked == [(design, "say")] and library.told == [("new", 10)]
    assert (board.geometry, board.patience) == (GEOMETRY, 55)
    board.fill("second", [5, 511])
    assert library.rows == {(1, 0): 5, (1, 1): 511}
