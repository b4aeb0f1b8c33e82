"""What the experiment on letters needs: letters from a folder, and gates from beside a skeleton."""

from __future__ import annotations

import os
from pathlib import Path

from golden.errors import InputError
from golden.files import is_dir
from golden.gate import GateNetwork
from golden.skeleton import Skeleton, find
from sw.data.load import load
from sw.judge.evaluate import Judged

__all__ = ["LETTERS", "gates_beside", "letters_at", "missing_letters"]

LETTERS = "letters-upper"


def letters_at(folder: Path | None, data: Path | None, count: int | None) -> Judged | None:
    """Return the first test letters of ``folder``, or of the data's own letters where it has any.

    Raises `InputError` where the folder was named and is not there.
    """
    if folder is None:
        named = os.environ.get("THALWEG_DATA")  # nothing named is no folder, not the current one
        data = data or (Path(named) if named else None)
        if data is None or not is_dir(data / LETTERS):
            return None
        folder = data / LETTERS
    elif not is_dir(folder):
        raise InputError(f"--letters must be a folder of IDX files, not {str(folder)!r}")
    found = load(folder, name=folder.name)
    assert found.test_images is not None and found.test_labels is not None
    return Judged(folder.name, found.test_images[:count], found.test_labels[:count])


def gates_beside(name: str, skeleton: Skeleton, letters: str) -> dict[str, GateNetwork]:
    """Return the gates beside a skeleton that were trained on ``letters``, by what they rehearsed.

    Their files are ``gate-LETTERS-NAME.safetensors``.
    """
    gates, prefix = {}, f"gate-{letters}-"
    for path in sorted(find(name).glob(f"{prefix}*.safetensors")):
        gates[path.stem.removeprefix(prefix)] = network = GateNetwork.load(path)
        network.require_fit(skeleton, str(path))
    return gates


def missing_letters(letters: Judged | None, gates: dict[str, GateNetwork], name: str) -> str | None:
    """Return why letters cannot be measured on the skeleton ``name``, or None where they can."""
    if not gates:
        return f"{name} has no gate-LETTERS-NAME.safetensors"
    if letters is None:
        return f"there is no folder {LETTERS} in the data; --letters names one"
    return None
