"""The build of a bitstream: synthesise, place with several seeds, pack the best, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.errors import InputError
from golden.files import lock, replacement, write_json
from golden.skeleton import Skeleton
from golden.tools import call
from hw.boards.ecp5 import MOST_ROWS
from hw.boards.pll import pll_settings
from hw.boards.top import BoardTop, usb_pll
from hw.flow.area import CELL_NAMES, area, deepest
from hw.flow.bitstream import cells, renumber
from hw.flow.placing import Placer, find_best, pack, place_all
from hw.flow.report import report
from hw.flow.synthesis import NAME, synthesise
from hw.flow.tools import require_bitstream, tool
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit

if TYPE_CHECKING:
    from hw.boards.catalogue import BoardSpec

__all__ = ["build", "geometry_of"]

RESULTS = ("report.json", f"{NAME}.bit", f"{NAME}.config")
"""Files for the user. A build removes those of an earlier build before it starts."""


EXACT = ("multipliers", "bram")
"""Cells whose number is known before synthesis."""


def build(
    board: BoardSpec,
    skeletons: Sequence[Skeleton],
    folder: Path | str,
    *,
    filters: int | None = None,
    link: str = "uart",
    seeds: int = 5,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write ``thalweg.bit`` and ``report.json`` for a board that holds ``skeletons``.

    ``link`` names the link that the host is at, see `hw.boards.rates.LINKS`.
    Places with the seeds 1 to ``seeds`` and takes the fastest placement that meets all clocks of
    the board. An interrupted build goes on: a whole netlist or placement of the same design is not
    made again. Waits while another build is in the same folder. Returns the report.

    Raises `ToolError` if no seed meets the clocks. After any error the folder has no bitstream and
    no report, not even of an earlier build.
    """
    folder, kind = Path(folder), board.require_link(link)
    geometry = geometry_of(board, skeletons, filters)
    nextpnr, ecppack = tool("nextpnr-ecp5"), tool("ecppack")
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(geometry, skeletons, pll=pll, usb=usb_pll(platform, link))
    with lock(folder, lambda: say(f"{board.name}: another build is in {folder}, waiting")):
        for name in RESULTS:
            (folder / name).unlink(missing_ok=True)
        netlist = synthesise(board, platform, top, folder, say=say)
        placer = Placer(
            command=nextpnr, board=board, platform=platform, netlist=netlist, link=pll.link
        )
        numbers = pack(placer, cells(geometry))
        placements = place_all(placer, numbers.values(), seeds, say)
        best = find_best(placer, placements)
        text = renumber((folder / best["config"]).read_text(), numbers, cells(geometry))
        write_bitstream(ecppack, text, folder)
        told = report(placer, geometry, skeletons, placements, best, kind)
        write_json(folder / "report.json", told, indent=1)
    return told


def geometry_of(
    board: BoardSpec, skeletons: Sequence[Skeleton], filters: int | None = None
) -> Geometry:
    """Return the build of a board's chip; raise unless it fits the part and the skeletons fit it.

    ``filters`` are the perception filters per clock, by default the board's own.
    """
    filters = board.filters if filters is None else filters
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters)
    require_fit(geometry, skeletons)
    wanted = area(geometry)
    for kind in EXACT:
        there = getattr(board.part, kind)
        if wanted[kind] > there:
            raise InputError(
                f"{board.name} must have {wanted[kind]} {CELL_NAMES[kind]} for F = {filters}, "
                f"it has {there}"
            )
    if (rows := deepest(geometry)) > MOST_ROWS:
        raise InputError(f"A memory of {board.name} must have {rows:,} rows, it has {MOST_ROWS:,}")
    return geometry


def write_bitstream(ecppack: tuple[str, ...], text: str, folder: Path) -> None:
    """Write a configuration to a folder, and the bitstream that ecppack makes of it."""
    config, log = folder / f"{NAME}.config", folder / "ecppack.log"
    with replacement(config) as temporary:
        temporary.write_text(text)
    with replacement(folder / f"{NAME}.bit") as temporary:
        # Names without a folder: the tools from pip see little but the one that they run in.
        call((*ecppack, "--input", config.name, "--bit", temporary.name), log, folder=folder)
        require_bitstream(temporary, log)
