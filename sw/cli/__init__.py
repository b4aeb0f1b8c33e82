"""The command line: each verb reads its arguments and calls the function that does the work.

Verbs import what they need when they run, so that `--help` and short commands start at once. This
package is the one place of `sw` that reaches `hw` and `sim`.
"""

from __future__ import annotations

import sys
from typing import Any

import typer

from golden.errors import Difference, InputError
from sw.cli.ablating import ablate
from sw.cli.building import bench, bitstream, demo, program, simulate, verilog
from sw.cli.common import open_device, progress
from sw.cli.comparing import baseline
from sw.cli.documenting import docs
from sw.cli.evaluating import evaluate
from sw.cli.linking import serve
from sw.cli.netlists import netlist_sim, reskeleton
from sw.cli.remembering import memory
from sw.cli.restoring import restore
from sw.cli.training import referee, train

__all__ = ["app", "main", "open_device", "progress"]

Misuse: Any = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps it

app = typer.Typer(
    name="thalweg",
    help="memories that fall into place: train, restore, evaluate, build",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("restore")(restore)
app.command("eval")(evaluate)
app.command("train")(train)
app.command("ablate")(ablate)
app.command("referee")(referee)
app.command("baseline")(baseline)
app.command("verilog")(verilog)
app.command("bitstream")(bitstream)
app.command("netlist-sim")(netlist_sim)
app.command("reskeleton")(reskeleton)
app.command("program")(program)
app.command("sim")(simulate)
app.command("simulate")(serve)
app.command("demo")(demo)
app.command("bench")(bench)
app.command("memory")(memory)
app.command("docs")(docs)


def main() -> None:
    """Run the command line: bad input is one line on stderr, exit code 2 and no traceback."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        code = complain(str(error))
    except Misuse as error:
        code = complain(error.format_message())
    except Difference as difference:
        code = complain(str(difference)) - 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def complain(text: str) -> int:
    """Say in one line what is wrong, and return the exit code of misuse."""
    print(f"thalweg: {' '.join(text.split())}", file=sys.stderr)
    return 2
