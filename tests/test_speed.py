import torch

import sw.report.docs as docs
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


def test_figures_follow_from_times(monkeypatch):
    times = iter([[0.5, 0.25, 0.001], [0.125, 0.5], [0.2, 0.3]])
    monkeypatch.setattr(speed, "seconds", lambda *works: next(times))
    monkeypatch.setattr(speed, "learner", lambda *given: None)
    steps, batches = speed.step_times(), speed.batch_times()

    rate = 2 * 1024**3 / 0.001
    # 32 digits, ten steps, forward once and backward twice: 9 * 80 + 80 * 16 a cell.
    needed = 32 * 10 * 3 * 1024 * 2000 * 2 / rate
    assert steps == {
        "steps_plain_ms": 500.0,
        "steps_fused_ms": 250.0,
        "steps_plain_to_fused": 2.0,
        "gemm_gflops": round(rate / 1e9, 1),
        "steps_share_of_gemm": round(needed / 0.25, 3),
    }
    assert batches == {
        "batch_plain_ms": 500.0,
        "batch_fused_ms": 125.0,
        "batch_plain_to_fused": 4.0,
        "hours_of_40000_batches_of_64": round(40_000 * (0.8 * 0.2 + 0.2 * 0.3) / 3600, 2),
    }
