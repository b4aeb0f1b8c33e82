"""One digit in, ten steps, one out: how many clocks a second a cocotb bench makes.

Runs inside the simulator; `sim.measure.speed` writes the folder that ``$BENCH`` names.
"""

import json
import os
import time
from pathlib import Path

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from golden.spec import Spec
from hw.shapes import Geometry
from sim.benches.host import Host
from sim.benches.streams import PERIOD, Dut, start

FOLDER = Path(os.environ["BENCH"])
FILTERS = int(os.environ["FILTERS"])


@cocotb.test(timeout_time=20, timeout_unit="ms")  # a digit with F = 1 takes half of them
async def a_digit_is_restored(dut: Dut) -> None:
    """Load an image, run it and read it; write clocks and seconds."""
    geometry = Geometry(filters=FILTERS)
    await start(dut)
    host = Host(dut, geometry)
    image = np.zeros((1, geometry.spec.image, geometry.spec.image), np.uint8)
    begin, first = time.perf_counter(), get_sim_time("ns")
    await host.load_images(image, 0)
    await host.run(1, Spec.steps, skeleton=0, gate=None, step=0)
    await host.read_images(1, 0)
    seconds, clocks = time.perf_counter() - begin, (get_sim_time("ns") - first) / PERIOD
    (FOLDER / "rate.json").write_text(json.dumps(clocks / seconds))
