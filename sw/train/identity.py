"""What two runs share if they must end alike: options, data, and the weights that they read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from golden import skeleton
from golden.files import is_file, read_bytes
from sw.data.load import Digits
from sw.model import floats
from sw.model.baselines.shelf import weights_of
from sw.train.options import Options

__all__ = ["identity", "reads"]


def identity(options: Options, digest: str) -> str:
    """Return a text that two runs share if they must end alike."""
    return json.dumps(options.trained_with() | {"data": digest}, sort_keys=True)


def reads(options: Options, *data: Digits) -> str:
    """Return a digest of all that a run reads: its data, and the weights that it begins with.

    Asked once, when a run begins or goes on: what it has read may be gone later.
    """
    sha = hashlib.sha256("".join(each.digest for each in data).encode())
    for path in weights_read(options):
        sha.update(read_bytes(path))
    return sha.hexdigest()


def weights_read(options: Options) -> list[Path]:
    """Return the files of weights that a run begins with, or learns from."""
    files = [] if options.teacher is None else [weights_of(options.teacher)]
    if options.after is not None:
        files += filter(is_file, machine_files(options.after))
    if options.begin is None:
        return files
    if not options.plan.frozen:
        return [*files, floats.find(options.begin)]
    return [*files, *machine_files(options.begin)]


def machine_files(name: str) -> list[Path]:
    """Return the files of a skeleton and of its gate."""
    folder = skeleton.find(name)
    return [folder / skeleton.SKELETON_FILE, folder / skeleton.GATE_FILE]
