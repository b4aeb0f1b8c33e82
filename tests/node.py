"""Programs of the page on node, for tests; skipped where there is no node."""

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


def page_states(folder, images, steps, work):
    """The states that the page's engine computes: (n, steps + 1, channels, height, width)."""
    np.save(work / "images.npy", images)
    done = node("run.mjs", folder, work / "images.npy", steps, work / "states.npy")
    assert (done.returncode, done.stderr) == (0, "")
    return np.load(work / "states.npy")
