"""The verb netlist-sim: comparison of a board's mapped netlist with golden."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw.cli.common import LinkName, board_folder, progress

if TYPE_CHECKING:
    from golden.skeleton import Skeleton
    from sim.devices.board import SimulatedPort

__all__ = ["netlist_sim"]


def netlist_sim(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="board, such as ulx3s-25f, or all")],
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME_OR_DIR...", help="skeletons of the chip; default: digits"),
    ] = None,
    link: LinkName = "uart",
    images: Annotated[int, typer.Option(min=1, max=100, help="show digits to restore")] = 1,
    states: Annotated[
        bool, typer.Option("--states", help="compare the lattices too; takes twice the time")
    ] = False,
) -> None:
    """Restore digits on the mapped netlist over its link, and compare every code with golden.

    \b
    thalweg netlist-sim ulx3s-25f
    thalweg netlist-sim ulx3s-25f --link usb
    thalweg netlist-sim all digits mine/skeleton --images 1
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.boards.catalogue import BOARDS, find_board
    from hw.boards.rates import find_link
    from hw.flow.build import geometry_of
    from sim.devices.verilate import require_tools

    find_link(link)
    every = [each for each in BOARDS.values() if link in each.links]
    found = every if board == "all" else [find_board(board)]
    names = subjects or ["digits"]
    skeletons = tuple(Skeleton.load(find(name)) for name in names)
    for each in found:
        each.require_link(link)
        geometry_of(each, skeletons)
    require_tools()
    for each in found:
        codes, clocks = prove(each, names, skeletons, images, states, link)
        typer.echo(
            f"netlist of {each.name}: equal to golden on {images} digits, {codes:,} codes, "
            f"{clocks:,} clocks of the {'link' if link == 'uart' else 'USB port'}"
        )


def prove(
    board: Any,
    names: list[str],
    skeletons: tuple[Skeleton, ...],
    count: int,
    states: bool,
    link: str = "uart",
) -> tuple[int, int]:
    """Restore show digits on a board's netlist; return the codes compared and the clocks."""
    from sim.proof.prove import Restorer, compare_device
    from sw.data.damage import blank
    from sw.data.load import show_digits
    from sw.runs.loading import load_run
    from sw.serial.device import ChipDevice

    skeleton, network = load_run(names[0])
    digits, _ = show_digits()
    damaged = blank(digits[:count], range(count))
    port = simulate_netlist(board, skeletons, board_folder(board.name, link), link)
    device = ChipDevice(port, skeletons)
    with progress("restoring", count) as advance:
        codes = compare_device(
            device,
            Restorer(skeleton, network, skeleton.spec.steps),
            damaged,
            states=states,
            progress=advance,
            say=lambda text: typer.echo(f"netlist of {board.name}: {text}"),
        )
    return codes, port.board.clocks


def simulate_netlist(
    board: Any, skeletons: tuple[Skeleton, ...], folder: Path, link: str = "uart"
) -> SimulatedPort:
    """Return the port of a board's simulated netlist; synthesise it in ``folder`` if necessary."""
    from golden.files import lock
    from hw.boards.pll import pll_settings
    from hw.boards.top import BoardTop, usb_pll
    from hw.flow.build import geometry_of
    from hw.flow.synthesis import synthesise

    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    usb = usb_pll(platform, link)
    top = BoardTop(geometry_of(board, skeletons), skeletons, pll=pll, usb=usb)
    waits = f"{board.name}: a build is in {folder}, waiting"
    with lock(folder, lambda: typer.echo(waits)):
        netlist = synthesise(board, platform, top, folder, say=typer.echo)
        return netlist_port(netlist, board.name, platform.default_clk, top)


def netlist_port(netlist: Path, board: str, clock: str, top: Any) -> SimulatedPort:
    """Return the port of a netlist, at the host that its top has a port for."""
    if top.usb is None:
        from sim.devices.board import SimulatedPort
        from sim.devices.netlist import NetlistBoard, NetlistDesign

        design = NetlistDesign(netlist, board, clock)
        return SimulatedPort(NetlistBoard(design, top, progress=typer.echo))
    from sim.devices.usb import UsbPort
    from sim.devices.usb_netlist import UsbNetlistBoard, UsbNetlistDesign

    return UsbPort(
        UsbNetlistBoard(UsbNetlistDesign(netlist, board, clock), top, progress=typer.echo)
    )
