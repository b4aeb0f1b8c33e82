"""Running other programs: what they print goes to a log, and how they end is looked at."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from golden.errors import ToolError, reason

__all__ = ["call", "compiler", "environment"]

STEERING = ("COCOTB_", "GPI_", "VERILATOR_", "VL_", "YOSYS_")
"""Beginnings of variables by which tools are steered: the user's are for the user's own runs."""

OURS = ("COCOTB_RANDOM_SEED", "COCOTB_LOG_LEVEL")
"""Those among them that a user of ours is told to set."""

MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS")
BUILD = ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "OPT_FAST", "OPT_SLOW", "OPT_GLOBAL", "VPATH")
PYTHON = ("PYTHONWARNINGS", "PYTHONINSPECT", "TOPLEVEL", "MODULE", "TESTCASE")


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a tool: ours, without what would steer it, and with changes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in OURS
        or not (name.startswith(STEERING) or name in MAKE or name in BUILD or name in PYTHON)
    }
    return kept | changes


def compiler() -> list[str]:
    """Return the command of the C++ compiler: ``$CXX``, which may have arguments, or ``c++``."""
    text = os.environ.get("CXX", "")
    try:
        return shlex.split(text) or ["c++"]
    except ValueError as error:
        raise ToolError(f"CXX must be a command, not {text!r}: {reason(error)}") from None


def call(
    command: Sequence[str],
    log: Path,
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    name: str | None = None,
) -> None:
    """Run a program to its end, what it prints in ``log``.

    Raises `ToolError` where it is not there, fails, or is killed: a line that names it, says the
    first thing that it calls an error, and where the log lies. Where we are told to stop, so are
    the program and all that it started.

    Parameters
    ----------
    command
        The program and its arguments.
    log
        File for standard output and error; replaced.
    folder
        Where the program runs; here unless given.
    variables
        Its whole environment; `environment` of ours unless given.
    name
        What errors call it; the program's own name unless given.
    """
    name = name or Path(command[0]).name
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment() if variables is None else dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
    except OSError as error:
        raise ToolError(f"{name} cannot be run: {reason(error)}") from error
    try:
        code = process.wait()
    except BaseException:
        end(process)
        raise
    if code:
        raise ToolError(f"{name} {ending(code)}: {complaint(log)}; see {log}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ending(code: int) -> str:
    """Return how a program ended, for people."""
    if code > 0:
        return f"failed with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def complaint(log: Path) -> str:
    """Return the first line of a log that tells of an error, else its last one."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "its log cannot be read"
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        return "it says nothing"
    wrong = (line for line in lines if "error" in line.lower() or "no space" in line.lower())
    return next(wrong, lines[-1])[:300]
