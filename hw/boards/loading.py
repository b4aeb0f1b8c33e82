"""From a bitstream into a board: openFPGALoader, where the user has it."""

import shutil
import subprocess
from pathlib import Path

from golden.errors import InputError

__all__ = ["program"]

LOADER = "openFPGALoader"


def program(board, bitstream, *, flash=False):
    """Load a bitstream into a board, or write it into its flash; raise if that fails."""
    bitstream = Path(bitstream)
    if not bitstream.is_file():
        raise InputError(f"{bitstream} must be a bitstream: make bitstream BOARD={board.name}")
    loader = shutil.which(LOADER)
    if loader is None:
        raise InputError(
            f"Programming needs {LOADER!r} on PATH: install openfpgaloader with the system's "
            "package manager, or from https://trabucayre.github.io/openFPGALoader"
        )
    command = (loader, *board.loader, *(["-f"] if flash else []), str(bitstream))
    if subprocess.run(command).returncode:
        raise InputError(f"{board.name} must be there and free: {' '.join(command[1:])} failed")
