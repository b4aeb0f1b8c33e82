"""Speed of the golden model and of the gate on this machine."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from statistics import median
from typing import Any

import numpy as np
import torch

from golden.device import GoldenDevice, restore
from golden.native import find_kernel
from golden.native.build import Unavailable
from golden.samples import calibrated, network
from golden.spec import Gate, Spec

__all__ = ["measure", "rate"]

ROUNDS = 5
DIGITS = 256
PLANES = 2048


def rate(work: Callable[[], Any], count: int, rounds: int = ROUNDS) -> float:
    """Return the median rate per second of ``work``, which handles ``count`` items per call."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return round(count / median(seconds), 1)


def measure() -> dict[str, Any]:
    """Measure whole gated digits and the gate alone, in batches, on all cores."""
    rng = np.random.default_rng(0)
    spec = Spec(gate=Gate(input_channel=0, output_channel=1, start=4))
    device, gate = GoldenDevice((calibrated(spec, rng),)), network(spec, rng)
    images = rng.integers(0, 256, (DIGITS, spec.image, spec.image), dtype=np.uint8)
    planes = rng.integers(-128, 128, (PLANES, spec.cells), dtype=np.int8)
    with suppress(Unavailable):
        find_kernel(spec)  # else it is built only once it has been worth it
    restore(device, gate, images[:64], spec.steps)
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "golden_digits_per_second": rate(
            lambda: restore(device, gate, images, spec.steps), len(images)
        ),
        "gate_planes_per_second": rate(lambda: gate.deltas(planes), len(planes)),
    }
