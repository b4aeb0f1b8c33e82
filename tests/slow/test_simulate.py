"""`thalweg simulate --board` and `thalweg restore` against it, as two users' commands."""

import subprocess
import sys

import numpy as np
import pytest

THALWEG = [sys.executable, "-u", "-m", "sw.cli"]


@pytest.fixture
def board():
    """Path of the pseudo-terminal that the first line names."""
    command = [*THALWEG, "simulate", "--board", "ulx3s-25f"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait()
    process.stdout.close()


def test_restores_digits_as_golden_does(thalweg, board, tmp_path):
    found = {}
    for device in ("golden", f"serial:{board}"):
        output = tmp_path / device[:6]
        code, _, err = thalweg("restore", "show[0:2]", "--steps", "4", "--skeleton", "digits",
                               "--device", device, "--output", output)  # fmt: skip
        assert code == 0, err
        found[device] = np.load(output / "restored.npy")
    assert np.array_equal(*found.values())
