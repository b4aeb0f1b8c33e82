import re
from pathlib import Path

import numpy as np
import pytest

from golden.device import GoldenDevice, restore
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.judge.metrics import closeness

DOCS = Path(__file__).parent.parent / "docs"


def snippets(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not (SHIPPED / "digits").is_dir(), reason="no skeleton `digits` is shipped")
def test_python_snippets_run_as_written():
    five, simulated, serial, states, digits = snippets(DOCS / "python.md")
    assert len(five.splitlines()) == 5
    names = {}
    exec(digits, names)
    images, _ = show_digits()
    want = blank(images, range(1000), 0.7)
    np.testing.assert_array_equal(names["damaged"], want)

    names["damaged"] = want[:20]
    exec(five, names)
    folder = SHIPPED / "digits"
    device = GoldenDevice((Skeleton.load(folder),))
    network = GateNetwork.load(folder / "gate.safetensors")
    np.testing.assert_array_equal(names["restored"], restore(device, network, want[:20], 10))

    exec(states, names)
    assert names["states"].shape == (20, 11, 16, 32, 32)
    for other in (simulated, serial):
        compile(other, "python.md", "exec")  # run by the slow tests


def test_measuring_states_what_a_flawless_digit_counts():
    text = (DOCS / "measuring.md").read_text()
    assert f"{closeness(np.zeros((1, 28, 28)), np.zeros((1, 28, 28))).psnr_mean:.2f} dB" in text
