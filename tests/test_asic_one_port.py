"""The chip for standard cells, its lattices in memories with one port: every code is golden's."""

import numpy as np
import pytest

from golden.device import trace
from golden.samples import calibrated
from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.asic import platform
from hw.asic.platform import Asic
from tests.test_chip import Bench, each, raster

GATE = Gate(input_channel=0, output_channel=1, start=2, mapping="phase4")
STEPS = 2


@pytest.mark.parametrize(
    ("multiplier", "gaps"), [(5, (0,)), (8, (0, 2, 1))], ids=["flowing", "stalling"]
)
def test_two_gated_runs_lose_no_word(monkeypatch, multiplier, gaps):
    monkeypatch.setattr(platform, "SMALL_ROWS", 1 << 10)  # no macro: they have no behaviour here
    spec = Spec(height=4, width=4, channels=4, multiplier=multiplier, image=4)
    on = Asic()
    bench = Bench(1, (calibrated,), GATE, spec=spec, gaps=gaps, skeletons=1, platform=on)
    states = np.random.default_rng(0).integers(-128, 128, (2, *spec.lattice), np.int8)
    runs = each(Operation.RUN, steps=STEPS, step=0, gate=GATE)
    loads, reads = each(Operation.LOAD_STATE), each(Operation.READ_STATE)
    commands = [loads[0], runs[0], loads[1], runs[1], *reads]  # loaded while the other computes
    got = bench.play(commands, raster(states), count=states.size)

    want = trace(bench.golden(0, states), bench.network, STEPS)[:, STEPS]
    assert got == raster(want)
    assert len(bench.planes) == 2
    assert bench.counters[1] == 2 * STEPS * spec.cells * bench.geometry.slots
