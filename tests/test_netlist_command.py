"""`thalweg netlist-sim`: each board's netlist is made, played and compared as the options say."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.samples import calibrated
from hw.boards.catalogue import BOARDS, find_board
from hw.boards.pll import pll_settings
from hw.flow.build import geometry_of
from sw.cli import netlist_sim as netlists
from sw.data.damage import blank
from sw.data.load import show_digits
from tests.recorded import names
from tests.shelf import SMALL


@pytest.mark.parametrize("board", ["ulx3s-85f", "all"])
def test_a_netlist_is_proved_for_each_board_once_all_fit(thalweg, pair, monkeypatch, calls, board):
    found = list(BOARDS.values()) if board == "all" else [find_board(board)]
    monkeypatch.setattr("hw.flow.build.geometry_of", calls.fake("geometry"))
    monkeypatch.setattr("sim.devices.verilate.require_tools", calls.fake("tools"))
    monkeypatch.setattr(netlists, "prove", calls.fake("prove", (7_000, 8_000)))
    code, out, _ = thalweg("netlist-sim", board, *pair, "--images", 3)
    told = "equal to golden on 3 digits, 7,000 codes, 8,000 clocks of the link"
    assert (code, out) == (0, "".join(f"netlist of {each.name}: {told}\n" for each in found))
    assert calls.names == ["geometry"] * len(found) + ["tools"] + ["prove"] * len(found)
    for call, each in zip([call for call in calls if call[0] == "prove"], found, strict=True):
        given, subjects, skeletons, count, states, link = call[1]
        assert (given, subjects, count, states) == (each, [*map(str, pair)], 3, False)
        assert link == "uart"
        assert names(skeletons) == ["one", "two"]


def test_all_netlists_over_usb_are_those_of_boards_with_a_port(thalweg, pair, monkeypatch, calls):
    monkeypatch.setattr("hw.flow.build.geometry_of", calls.fake("geometry"))
    monkeypatch.setattr("sim.devices.verilate.require_tools", calls.fake("tools"))
    monkeypatch.setattr(netlists, "prove", calls.fake("prove", (7_000, 8_000)))
    code, out, _ = thalweg("netlist-sim", "all", *pair, "--link", "usb")
    found = [board for board in BOARDS.values() if "usb" in board.links]
    told = "equal to golden on 1 digits, 7,000 codes, 8,000 clocks of the USB port"
    assert (code, out) == (0, "".join(f"netlist of {each.name}: {told}\n" for each in found))
    proved = [call[1] for call in calls if call[0] == "prove"]
    assert [(given[0], given[-1]) for given in proved] == [(each, "usb") for each in found]


@pytest.mark.parametrize("states", [True, False])
def test_a_netlist_restores_damaged_show_digits(monkeypatch, pair, calls, states):
    port = SimpleNamespace(board=SimpleNamespace(clocks=123))
    monkeypatch.setattr("sw.runs.loading.load_run", calls.fake("load_run", lambda name: (
        SimpleNamespace(spec=SimpleNamespace(steps=6)), "network")))  # fmt: skip
    monkeypatch.setattr(netlists, "simulate_netlist", calls.fake("port", port))
    monkeypatch.setattr("sw.serial.device.ChipDevice", calls.fake("device", "device"))
    monkeypatch.setattr("sim.proof.prove.compare_device", calls.fake("compare", 77))
    board = find_board("ulx3s-25f")
    assert netlists.prove(board, ["a", "b"], ("A", "B"), 3, states) == (77, 123)
    assert calls.of("load_run") == (("a",), {})
    assert calls.of("port") == ((board, ("A", "B"), Path("build/ulx3s-25f"), "uart"), {})
    assert calls.of("device") == ((port, ("A", "B")), {})
    (device, restorer, damaged), options = calls.of("compare")
    assert (device, restorer.network, restorer.steps) == ("device", "network", 6)
    np.testing.assert_array_equal(damaged, blank(show_digits()[0][:3], range(3), 0.7))
    assert options["states"] == states


def test_a_netlist_is_synthesised_in_its_folder_while_others_are_kept_out(
    monkeypatch, pair, tmp_path, calls, capsys
):
    board, skeletons = find_board("versa-ecp5-5g"), (calibrated(SMALL, np.random.default_rng(0)),)
    platform = board.make_platform()
    monkeypatch.setattr(type(board), "make_platform", lambda self: platform)

    @contextmanager
    def locked(folder, waiting):
        calls.append(("locked", (folder,), {}))
        waiting()
        yield
        calls.append(("open again", (), {}))

    top = SimpleNamespace(usb=None)
    monkeypatch.setattr("golden.files.lock", locked)
    monkeypatch.setattr("hw.boards.top.BoardTop", calls.fake("top", top))
    monkeypatch.setattr("hw.flow.synthesis.synthesise", calls.fake("synthesise", "netlist"))
    for name in ("NetlistDesign", "NetlistBoard"):
        monkeypatch.setattr(f"sim.devices.netlist.{name}", calls.fake(name, name))
    monkeypatch.setattr("sim.devices.board.SimulatedPort", calls.fake("port", "port"))
    assert netlists.simulate_netlist(board, skeletons, tmp_path) == "port"
    assert calls.names == ["top", "locked", "synthesise", "NetlistDesign", "NetlistBoard", "port",
                           "open again"]  # fmt: skip
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    assert calls.of("top") == (
        (geometry_of(board, skeletons), skeletons),
        {"pll": pll, "usb": None},
    )
    assert calls.of("locked")[0] == (tmp_path,)
    assert calls.of("synthesise")[0] == (board, platform, top, tmp_path)
    assert calls.of("NetlistDesign") == (("netlist", board.name, platform.default_clk), {})
    assert calls.of("NetlistBoard")[0] == ("NetlistDesign", top)
    assert calls.of("port") == (("NetlistBoard",), {})
    assert capsys.readouterr().out == f"versa-ecp5-5g: a build is in {tmp_path}, waiting\n"
