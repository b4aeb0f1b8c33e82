"""The command line: each verb reads its arguments and calls the function that does the work.

Verbs import what they need when they run, so that `--help` and short commands start at once. This
package is the one place of `sw` that reaches `hw` and `sim`.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sw.cli.ours  # noqa: F401 - it ends where another's packages have the names of ours

# Threads of OpenMP that wait for work sleep, rather than spin: beside a busy neighbour two that
# spin take the core from each other. It must be set before PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from golden.errors import Difference, InputError, reason
from sw.cli import (
    ablate,
    asic,
    asic_sim,
    baseline,
    bench,
    bitstream,
    check,
    compare,
    demo,
    docs,
    estimate,
    eval,
    export,
    memory,
    netlist_sim,
    play,
    program,
    referee,
    reskeleton,
    restore,
    sim,
    simulate,
    train,
    verilog,
    yours,
)
from sw.cli.common import open_device, progress

__all__ = ["app", "main", "open_device", "progress"]

PATIENCE = 5.0
"""Seconds after a signal in which others are passed over."""

LONGEST = 2000
"""Letters of a line that says what is wrong: what was found may be a whole file."""

Misuse: Any = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps it

VERBS: dict[str, dict[str, Callable[..., Any]]] = {
    "Use it": {
        "demo": demo.demo,
        "restore": restore.restore,
        "play": play.play,
        "check": check.check,
        "eval": eval.evaluate,
        "export": export.export,
    },
    "Train": {
        "yours": yours.yours,
        "train": train.train,
        "referee": referee.referee,
        "baseline": baseline.baseline,
    },
    "Build chips": {
        "estimate": estimate.estimate,
        "verilog": verilog.verilog,
        "sim": sim.simulate,
        "bitstream": bitstream.bitstream,
        "netlist-sim": netlist_sim.netlist_sim,
        "reskeleton": reskeleton.reskeleton,
        "program": program.program,
        "simulate": simulate.serve,
        "asic": asic.asic,
        "asic-sim": asic_sim.asic_sim,
    },
    "Measure": {
        "memory": memory.memory,
        "compare": compare.compare,
        "ablate": ablate.ablate,
        "bench": bench.bench,
        "docs": docs.docs,
    },
}
"""Every verb, in groups, in the order in which a newcomer meets them."""


class Groups(TyperGroup):
    """Lists the verbs in their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group."""
        for title, verbs in VERBS.items():
            with formatter.section(title):
                found = {name: self.get_command(ctx, name) for name in verbs}
                formatter.write_dl([
                    (name, command.get_short_help_str(limit=90))
                    for name, command in found.items()
                    if command is not None
                ])


app = typer.Typer(
    name="thalweg",
    cls=Groups,
    help="A neural cellular automaton that restores digits, bit for bit from PyTorch to FPGA.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verbs in VERBS.values():
    for name, function in verbs.items():
        app.command(name)(function)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"thalweg {metadata.version('thalweg')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Take what is not of a verb."""


def main() -> None:
    """Run the command line: what goes wrong is one line on stderr, exit code 2 and no traceback.

    A difference between two implementations ends with 1. ``THALWEG_DEBUG=1`` shows the traceback
    before the line.
    """
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may have what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    with endings():
        try:
            require_words(sys.argv[1:])
            code = app(standalone_mode=False)
        except KeyboardInterrupt:
            code = 130
        except Exception as error:
            code = explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def open_streams() -> None:
    """Have standard input, output and error lead somewhere where the caller has closed them.

    Else the next files that are opened take their numbers, and get what libraries print.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(number, True)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))


def explain(error: Exception) -> int:
    """Say what an exception means in one line, and return the exit code."""
    if os.environ.get("THALWEG_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, Difference):
        return complain(str(error), 1)
    if isinstance(error, InputError):
        return complain(str(error))
    if isinstance(error, Misuse):
        if len(sys.argv) < 2:  # what typer says then is the whole help
            typer.echo(error.format_message())
            return complain("a command must be given")
        return complain(error.format_message())
    if isinstance(error, BrokenPipeError):  # who read our output has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    if isinstance(error, ModuleNotFoundError):
        return complain(f"the package {error.name!r} must be installed: see README")
    if isinstance(error, MemoryError):
        return complain(f"there is not enough memory: {reason(error)}")
    if isinstance(error, OSError):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return complain(f"{place}{reason(error)}")
    kind = type(error).__name__
    return complain(f"{kind}: {reason(error)}; THALWEG_DEBUG=1 shows where")


def require_words(arguments: list[str]) -> None:
    """Raise where an argument is empty, as an unset variable leaves it: a path would be ``.``."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument or re.fullmatch(r"--[a-z-]+=", argument):
            name = argument[:-1] or (before if before.startswith("--") else "an argument")
            raise InputError(f"{name} must not be empty")


def complain(text: str, code: int = 2) -> int:
    """Say in one line what is wrong, and return the exit code, which is that of misuse."""
    text = " ".join(text.split())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    with suppress(OSError, ValueError):  # a closed or full stderr changes no exit code
        print(f"thalweg: {text}", file=sys.stderr, flush=True)
    return code


@contextmanager
def endings() -> Iterator[None]:
    """Let signals unwind the stack, so that nothing half-made stays behind.

    One that comes while that goes on, as from a second Ctrl-C, does not break it off.
    """
    begin = -PATIENCE

    def leave(number: int, frame: object) -> None:
        nonlocal begin
        if time.monotonic() - begin < PATIENCE:
            return
        begin = time.monotonic()
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, leave)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        if signal.getsignal(number) != signal.SIG_IGN  # as nohup has it
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
