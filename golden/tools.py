"""Calls of other programs: their output goes to a log, and a failure becomes a `ToolError`."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from golden.errors import ToolError, reason

__all__ = [
    "call",
    "compiler",
    "complaint",
    "environment",
    "plain_folder",
    "plain_workplace",
    "processor",
]

STEERING = (
    *("COCOTB_", "GPI_", "PYGPI_", "PYTEST_"),
    *("VERILATOR_", "VL_", "YOSYS_", "ABC_"),
    *("MAKE", "CFG_", "VM_", "OPT_", "USER_"),
)
"""Prefixes of variables that control tools. A tool gets none: they are for other runs of it."""

OURS = ("COCOTB_RANDOM_SEED", "COCOTB_LOG_LEVEL")
"""Variables with such a prefix that are kept: users may set them for Thalweg."""

STEERING_TOO = frozenset((
    *("MFLAGS", "GNUMAKEFLAGS", "VPATH", "TARGET_ARCH", "OUTPUT_OPTION", "LOADLIBES", "LDLIBS"),
    *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "GUI", "TOPLEVEL", "TOPLEVEL_LANG", "MODULE"),
    *("TESTCASE", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONOPTIMIZE", "GCC_EXEC_PREFIX"),
))

ODD = re.compile(r"[^A-Za-z0-9_./+-]")
"""Characters that have a meaning to make, to linker options or in lists of paths."""


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a tool: ours without variables that control tools, plus changes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in OURS or not (name.startswith(STEERING) or name in STEERING_TOO)
    }
    return {"PATH": os.defpath} | kept | changes


@contextmanager
def plain_folder(folder: Path) -> Iterator[Path]:
    """Give a path of a folder without spaces and the like, for tools that cannot handle them.

    It is the folder's own path if that is plain, else a link in a temporary folder.
    """
    if not ODD.search(os.fspath(folder)):
        yield folder
        return
    with plain_temporary(folder) as place:
        link = place / "link"
        link.symlink_to(folder, target_is_directory=True)
        yield link


@contextmanager
def plain_workplace(folder: Path) -> Iterator[Path]:
    """Give a folder for make to work in: make handles no spaces, and resolves links.

    It is the folder itself if its path is plain, else a temporary copy, which is copied back in the
    end.
    """
    if not ODD.search(os.path.realpath(folder)):
        yield folder
        return
    with plain_temporary(folder) as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        try:
            yield place
        finally:
            shutil.copytree(place, folder, dirs_exist_ok=True)


@contextmanager
def plain_temporary(odd: Path) -> Iterator[Path]:
    """Give an empty temporary folder with a plain path."""
    places = (tempfile.gettempdir(), "/tmp")
    place = next((place for place in places if not ODD.search(os.path.realpath(place))), None)
    if place is None:
        raise ToolError(f"TMPDIR must name a folder without spaces, since {odd} has some")
    try:
        made = tempfile.TemporaryDirectory(prefix="thalweg-", dir=os.path.realpath(place))
    except OSError as error:
        raise ToolError(f"{place} must be a writable folder: {reason(error)}") from error
    with made as name:
        yield Path(name)


def processor() -> str:
    """Return the machine's description of its processor, on which `-march=native` depends."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    return platform.machine() + next((x for x in lines if x.startswith(("flags", "Features"))), "")


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
    """Run a program to its end; its output goes to ``log``.

    Raises `ToolError` if the program is missing, fails or is killed: a line with its name, the
    first error in its output and the path of the log. A signal that stops us also stops the program
    and all processes that it started.

    Parameters
    ----------
    command
        The program and its arguments.
    log
        File for standard output and error; replaced.
    folder
        Folder that the program runs in; by default the current one.
    variables
        Its whole environment; by default `environment`.
    name
        Its name in errors; by default the program's own.
    """
    name = name or Path(command[0]).name
    process = None
    try:
        out = log.open("wb")
    except OSError as error:
        raise ToolError(f"{log} must be writable, for what {name} says: {reason(error)}") from error
    try:
        with out, signals_held():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment() if variables is None else dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        code = process.wait()
    except OSError as error:
        raise ToolError(f"{name} cannot be run: {reason(error)}") from error
    except BaseException:
        if process is not None:
            end(process)
        raise
    if code:
        raise ToolError(f"{name} {ending(code)}: {complaint(log)}; see {log}")


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay signals that would end us until the block ends, which starts a process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda got, frame: received.append(got))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        if signal.getsignal(number) not in (None, signal.SIG_IGN)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in received:
            signal.raise_signal(late)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and all processes that it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ending(code: int) -> str:
    """Return in words how a program ended."""
    if code > 0:
        return f"failed with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def complaint(log: Path) -> str:
    """Return the first line of a log that reports an error, else its last line.

    A line that begins with it goes before one that has the word somewhere, which may be a name.
    """
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "its log cannot be read"
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        return "it says nothing"
    wrong = [line for line in lines if "error" in line.lower() or "no space" in line.lower()]
    begun = (line for line in wrong if line.lower().startswith("error"))
    return next(begun, (wrong or lines[-1:])[0])[:300]
