"""Load a configuration with LibreLane, beside a stand-in for its PDK; write what it has read.

A program of its own: LibreLane leaves files open, and its warnings are not ours.

    python -W ignore -m tests.librelane_load config.json PDK FOLDER
"""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import get_args, get_origin

import pytest

from golden.files import ROOT

READ = "read.json"

SAYS = {
    "STD_CELL_LIBRARY": "cells",
    "STA_CORNERS": "nom_typ_1p20V_25C nom_slow_1p08V_125C nom_fast_1p32V_m40C",
    "DEFAULT_CORNER": "nom_typ_1p20V_25C",
    "VDD_PIN": "VPWR",
    "GND_PIN": "VGND",
}
"""What the variables of the stand-in are that the chip's configuration has to go with."""


def load(path, pdk, folder):
    """Have LibreLane read a configuration: exit code, what it has read, and what it says."""
    pytest.importorskip("librelane", reason="LibreLane is the extra librelane")
    command = [sys.executable, "-W", "ignore", "-m", "tests.librelane_load"]
    command += [str(path), pdk, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    read = None if done.returncode else json.loads((folder / READ).read_text())
    return done.returncode, read, done.stderr


def main(path, pdk, folder):
    """Write the stand-in, load the configuration, and write it in full."""
    from librelane.config import InvalidConfig
    from librelane.flows import Flow

    classic = Flow.factory.get("Classic")
    files = re.findall(r'pdk_dir::([^"]+)', Path(path).read_text())
    write_pdk(Path(folder), pdk, classic.get_all_config_variables(classic), files)
    try:
        read = classic(path, pdk=pdk, pdk_root=folder).config.dumps()
        (Path(folder) / READ).write_text(read)
    except InvalidConfig as error:
        sys.exit(str(error))


def write_pdk(root, pdk, variables, files):
    """Write a PDK below ``root`` for which LibreLane has ``variables``.

    Each variable that it must have gets a value of its type. ``files`` of the PDK are made, empty.
    """
    tech = root / pdk / "libs.tech" / "librelane"
    (tech / "cells").mkdir(parents=True)
    (tech / "cells" / "config.tcl").write_text("")
    for file in (*files, "any"):
        (root / pdk / file).parent.mkdir(parents=True, exist_ok=True)
        (root / pdk / file).touch()
    says = {
        variable.name: value_of(variable.type, str(root / pdk / "any"))
        for variable in variables
        if variable.pdk and not variable.optional and variable.default is None
    }
    lines = [f'set ::env({name}) "{value}"' for name, value in (says | SAYS).items()]
    (tech / "config.tcl").write_text("\n".join([*lines, ""]))


def value_of(kind, path):
    """Return a value of a type, as Tcl writes it."""
    name = getattr(get_origin(kind), "__name__", "")
    if name == "dict":
        return f"* {value_of(get_args(kind)[1], path)}"
    if name in ("list", "tuple"):
        return " ".join(value_of(part, path) for part in get_args(kind) if part is not ...)
    if kind in (int, Decimal):
        return "1"
    return path if kind.__name__ == "Path" else "cell/A/Y"


if __name__ == "__main__":
    main(*sys.argv[1:])
