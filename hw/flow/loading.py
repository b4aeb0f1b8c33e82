"""Loading a bitstream into a board with openFPGALoader, which the user installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from golden.errors import InputError, ToolError, reason
from golden.files import is_file, read_bytes
from golden.tools import ending
from hw.flow.tools import bitstream_is_whole

if TYPE_CHECKING:
    from hw.boards.catalogue import BoardSpec

__all__ = ["program"]

LOADER = "openFPGALoader"


def program(board: BoardSpec, bitstream: Path | str, *, flash: bool = False) -> None:
    """Load a bitstream into a board, or write it into the board's flash; raise if that fails."""
    bitstream = Path(bitstream)
    if not is_file(bitstream) or not bitstream_is_whole(read_bytes(bitstream)):
        raise InputError(f"{bitstream} must be a bitstream: make bitstream BOARD={board.name}")
    loader = shutil.which(LOADER)
    if loader is None:
        raise InputError(
            f"Programming needs {LOADER!r} on PATH: install openfpgaloader with the system's "
            "package manager, or from https://trabucayre.github.io/openFPGALoader"
        )
    # An absolute path does not look like an option.
    options = (*board.loader, *(["-f"] if flash else []), os.path.abspath(bitstream))
    try:
        # It prints its progress for the user.
        code = subprocess.run((loader, *options), stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        raise ToolError(f"{loader} cannot be run: {reason(error)}") from error
    if code:
        raise ToolError(
            f"{board.name} must be there and free: {LOADER} {ending(code)}, "
            f"called with {' '.join(options)}"
        )
