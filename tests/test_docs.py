import re
from pathlib import Path

import numpy as np

from golden.device import GoldenDevice, restore
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from sw import api as thalweg
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.export.export import FORMS, export
from sw.judge.metrics import closeness

DOCS = Path(__file__).parent.parent / "docs"


def snippets(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def test_python_snippets_run_as_written(calls, monkeypatch):
    first, states, later, simulated, serial, training, beneath = snippets(DOCS / "python.md")
    assert len(first.splitlines()) == 4
    names = {}
    exec(first, names)
    folder = SHIPPED / "digits"
    golden = GoldenDevice((Skeleton.load(folder),))
    network = GateNetwork.load(folder / "gate.safetensors")
    damaged = blank(show_digits()[0][:20], range(20), 0.7)
    want = restore(golden, network, damaged, 10)
    np.testing.assert_array_equal(names["restored"], want)

    exec(states, names)
    assert names["states"].shape == (20, 11, 16, 32, 32)
    np.testing.assert_array_equal(names["film"][:, -1], want)

    exec(later, names)
    assert names["later"].shape == names["held"].shape == (20, 28, 28)
    assert np.mean(np.abs(names["held"].astype(int) - want)) < 5, "digits stay as they were"

    for device, text in (("simulated", simulated), ("serial:/dev/ttyUSB0", serial)):
        monkeypatch.setattr("sw.cli.common.open_device", calls.fake("open", golden))
        exec(text, names)
        assert calls.of("open")[0][0] == device
        calls.clear()

    exec(beneath, names)
    assert names["lattices"].shape == (20, 16, 32, 32)

    monkeypatch.setattr("sw.api.training.run", calls.fake("train"))
    monkeypatch.setattr("sw.api.training.load", lambda folder: names["digits"])
    names["drawings"] = 255 - names["images"]
    exec(training, names)
    assert names["restored"].shape == (20, 28, 28)
    options, digits = calls.of("train")[0]
    assert (options.name, options.batches, options.spec.gate) == ("mine", 2000, None)
    np.testing.assert_array_equal(digits.train_images, names["drawings"])


def test_python_page_tells_of_every_public_name():
    text = (DOCS / "python.md").read_text()
    for name in thalweg.__all__:
        assert re.search(rf"`{name}\b", text), name
    for name, value in vars(thalweg.Restorer).items():
        assert name.startswith("_") or f".{name}" in text, value


def test_exporting_snippet_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    restorer = thalweg.load("digits")
    file = tmp_path / "build" / "digits.onnx"
    export(FORMS["onnx"], restorer.skeleton, restorer.network, 10, file)
    names = {"damaged": thalweg.blank(show_digits()[0][:3])}
    (snippet,) = snippets(DOCS / "exporting.md")
    exec(snippet, names)
    np.testing.assert_array_equal(names["restored"], restorer.restore(names["damaged"]))


def test_measuring_states_what_a_flawless_digit_counts():
    text = (DOCS / "measuring.md").read_text()
    assert f"{closeness(np.zeros((1, 28, 28)), np.zeros((1, 28, 28))).psnr_mean:.2f} dB" in text
