"""Differences planted in gateware: the commands that prove it end with 1, and say where."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLANT = """
import sys
from dataclasses import replace

import sim.cocotb_run
import sim.devices.device
from sw.cli import main

honest, images = sim.cocotb_run.write_chip, sim.devices.device.images


def other(skeletons):
    biases = [one.update.bias.copy() for one in skeletons]
    for bias in biases:
        bias[3] += 1000
    updates = [replace(one.update, bias=b) for one, b in zip(skeletons, biases, strict=True)]
    return [replace(one, update=u) for one, u in zip(skeletons, updates, strict=True)]


if sys.argv.pop(1) == "bench":
    run = sim.cocotb_run
    run.write_chip = lambda g, skeletons, folder: honest(g, other(skeletons), folder)
else:
    sim.devices.device.images = lambda geometry, skeletons: images(geometry, other(skeletons))
main()
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("where", "command", "text"),
    [
        ("bench", ["sim", "digits", "--images", "1"],
         "skeleton0, gate own, stall 0, after step 1: code (0, 3, 0, 0) is "),
        ("device", ["demo", "digits", "--images", "1"],
         "digit 0, step 1: channel 3, cell (0, 0) is "),
    ],
)  # fmt: skip
def test_another_bias_in_the_chip_is_found_and_named(tmp_path, where, command, text):
    done = subprocess.run(
        [sys.executable, "-c", PLANT, where, *command, "--filters", "1"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert "equal to golden" not in done.stdout and "== golden" not in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("thalweg: ") and text in last


def environment():
    """Our environment, with the project on Python's path."""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
