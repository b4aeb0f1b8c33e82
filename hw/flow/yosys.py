"""Yosys: the text of a design goes in, the text of another form comes out, whole or not at all."""

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from golden.errors import InputError, ToolError, reason
from golden.files import parse_json
from golden.tools import call

__all__ = ["require_netlist", "require_verilog", "share", "yosys"]

SCRIPT = """\
import sys
from pyosys.libyosys import Design, run_pass
design = Design()
for line in sys.argv[1:]:
    run_pass(line, design)
"""

NAMES = {"read_rtlil": "design.il", "read_json": "design.json"}
"""Passes that read a design, and what it is called in Yosys's folder."""

RESULTS = {"write_verilog": "result.v", "write_json": "result.json"}
"""Passes that write one, likewise."""


def share() -> Path:
    """Return the folder of Yosys's files, without loading the library."""
    # Loaded into a process, it keeps other libraries that are made with pybind11 from working.
    found = find_spec("pyosys")
    assert found is not None and found.origin is not None, "it is one of the dependencies"
    return Path(found.origin).parent / "share"


def yosys(
    read: str,
    text: str,
    passes: Sequence[str],
    log: Path,
    *,
    top: str,
    files: Mapping[str, str] | None = None,
) -> str:
    """Run Yosys passes over a design; return the text that the last of them writes.

    It is a library with a log on standard output, and stops the process where it finds an error:
    it gets a process of its own. That runs in a temporary folder, in which all names are plain:
    Yosys's commands take no others.

    Parameters
    ----------
    read : str
        Pass that reads the design: a key of `NAMES`.
    text : str
        The design.
    passes : sequence of str
        Passes to run, the last one a key of `RESULTS`, with its options.
    log : Path
        File for Yosys's log: it stays only where something fails.
    top : str
        Module that must be there in the end.
    files : dict of str to str
        Texts of further files that the passes read, by their names in Yosys's folder.

    Raises
    ------
    ToolError
        Yosys fails, or what it has written is not whole.
    """
    require = require_verilog if passes[-1].startswith("write_verilog") else require_netlist
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source, result = NAMES[read], RESULTS[passes[-1].split()[0]]
            # A design tells where it was written, in paths of any bytes.
            (folder / source).write_text(text, encoding="utf-8", errors="surrogateescape")
            for file, content in (files or {}).items():
                (folder / file).write_text(content, encoding="utf-8", errors="surrogateescape")
            commands = [f"{read} {source}", *passes[:-1], f"{passes[-1]} {result}"]
            program = [sys.executable, "-c", SCRIPT, *commands]
            log.parent.mkdir(parents=True, exist_ok=True)
            call(program, log, folder=folder, name="Yosys")
            found = (folder / result).read_text(encoding="utf-8", errors="surrogateescape")
            require(found, top, f"what Yosys wrote, see {log},")
    except OSError as error:
        raise ToolError(f"Yosys cannot work in {tempfile.gettempdir()}: {reason(error)}") from error
    log.unlink(missing_ok=True)
    return found


def require_verilog(text: str, top: str, name: str) -> None:
    """Raise unless a Verilog text is whole and has the module ``top``; ``name`` is what it is."""
    begun = len(re.findall(r"^module ", text, re.MULTILINE))
    ended = len(re.findall(r"^endmodule$", text, re.MULTILINE))
    there = re.search(rf"^module \\?{re.escape(top)}\s*\(", text, re.MULTILINE)
    if not there or begun != ended or not text.endswith("endmodule\n"):
        raise ToolError(f"{name} must be whole Verilog of {top!r}")


def require_netlist(text: str, top: str, name: str) -> None:
    """Raise unless a JSON netlist is whole and has cells in the module ``top``."""
    try:
        cells = parse_json(text, name)["modules"][top]["cells"]
        whole = isinstance(cells, dict) and bool(cells)
    except (InputError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ToolError(f"{name} must be a whole netlist of {top!r}")
