"""Programs of the page on node, for tests; skipped where there is no node."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from sw.play import PAGE

FOLDER = PAGE.parent

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed: the page's engine is not tested"
)


def node(program, *arguments, **options):
    """Run a program of the page, and return what became of it."""
    command = ["node", FOLDER / program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def page_states(folder, images, steps, work, plain=False):
    """The states that the page's engine computes: (n, steps + 1, channels, height, width).

    With WebAssembly, or in plain JavaScript.
    """
    np.save(work / "images.npy", images)
    variables = os.environ | {"THALWEG_PLAIN": "1" if plain else ""}
    words = folder, work / "images.npy", steps, work / "states.npy"
    done = node("run.mjs", *words, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
    return np.load(work / "states.npy")
