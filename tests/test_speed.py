import torch

import sw.docs as docs
from sw.train import speed


def test_docs_show_what_training_measures(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name, value in {"ROUNDS": 1, "BATCH": 2, "THEIR_SIZE": 2, "SIDE": 64}.items():
        monkeypatch.setattr(speed, name, value)
    measured = speed.measure(progress=lambda text: None)["training"]
    torch.set_num_threads(threads)

    assert all(value > 0 for key, value in measured.items() if not key.startswith("hours"))
    ratio = measured["steps_plain_ms"] / measured["steps_fused_ms"]
    assert abs(measured["steps_plain_to_fused"] - ratio) < 0.1 * ratio
    rows = docs.training(measured).splitlines()[2:]
    assert len(rows) == len(measured) - 1  # the rate and the share of it stand in one row
    assert f"| {measured['steps_plain_to_fused']:.1f} x |" in rows[2]
    assert docs.training(None) == ""


def test_measuring_leaves_the_choice_of_step_as_it_was(monkeypatch):
    monkeypatch.setenv("THALWEG_FUSED", "x")
    with speed.chosen(False):
        assert speed.os.environ["THALWEG_FUSED"] == "0"
    assert speed.os.environ["THALWEG_FUSED"] == "x"
