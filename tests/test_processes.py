import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from golden.errors import InputError
from sw.runs import processes
from sw.runs.processes import average, join, place, share

SCRIPT = Path(__file__).parent / "process_run.py"
ROOT = SCRIPT.parents[1]


def run(folder, *launcher):
    folder.mkdir()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *launcher, str(SCRIPT), str(folder)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(path) for path in sorted(folder.glob("rank-*.pt"))]


def test_two_processes_train_as_one_with_the_whole_batch(tmp_path):
    (alone,) = run(tmp_path / "one")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    first, second = run(tmp_path / "two", *torchrun)

    for left, right in zip([*first[0], *first[1]], [*second[0], *second[1]], strict=True):
        assert torch.equal(left, right)
    for left, right in zip(first[0], alone[0], strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-5 * float(right.abs().max()))
    for left, right in zip(first[1], alone[1], strict=True):
        # The optimiser turns gradients into a basis that their first few leave half open.
        assert float((left - right).norm()) <= 1e-2 * float(right.norm()) + 1e-9
    assert len(first[2]) == len(alone[2]) == 1  # the first process alone exports
    assert second[2] == []


def started(monkeypatch, **values):
    """Set torchrun's variables; None is not set."""
    usual = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
    for name, value in (usual | values).items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)


def test_rejects_batch_that_cannot_be_shared(monkeypatch):
    started(monkeypatch, WORLD_SIZE="3")
    with pytest.raises(InputError) as error, join(32):
        pass

    assert str(error.value) == "batch must be a multiple of the 3 processes, not 32"


@pytest.mark.parametrize("text", [None, "", "1", " 1 "])
def test_one_process_needs_no_torchrun(monkeypatch, text):
    started(monkeypatch, WORLD_SIZE=text, RANK=None, MASTER_ADDR=None, MASTER_PORT=None)
    with join(3):
        assert place() == (0, 1)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE must be a number of processes up to 4096, not 'abc'"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE must be a number of processes up to 4096, not '0'"),
        ({"WORLD_SIZE": "-2"}, "WORLD_SIZE must be a number of processes up to 4096, not '-2'"),
        (
            {"WORLD_SIZE": "9" * 30},
            f"WORLD_SIZE must be a number of processes up to 4096, not '{'9' * 30}'",
        ),
        (
            {"RANK": None, "MASTER_PORT": ""},
            "WORLD_SIZE is 2, but RANK, MASTER_PORT not set: start the processes with torchrun, "
            "or unset WORLD_SIZE to train in one",
        ),
        ({"RANK": "2"}, "RANK must be from 0 to 1, not '2'"),
        ({"MASTER_PORT": "x"}, "MASTER_PORT must be from 1 to 65535, not 'x'"),
    ],
)
def test_rejects_half_a_torchrun(monkeypatch, values, text):
    started(monkeypatch, **values)
    with pytest.raises(InputError) as error, join(32):
        pass

    assert str(error.value) == text


def test_the_mean_over_processes_takes_the_place_of_each_tensor(monkeypatch):
    monkeypatch.setattr(processes, "place", lambda: (0, 4))
    monkeypatch.setattr(processes.distributed, "all_reduce", lambda whole: whole.add_(6.0))
    tensors = [torch.tensor([[2.0, 6.0]]), torch.tensor(10.0)]
    average(tensors)

    assert tensors[0].tolist() == [[2.0, 3.0]]
    assert tensors[1].item() == 4.0


def test_each_process_takes_its_own_part(monkeypatch):
    monkeypatch.setattr(processes, "place", lambda: (1, 2))
    assert share(torch.arange(6)).tolist() == [3, 4, 5]


@pytest.mark.timeout(60)
def test_a_place_to_meet_that_is_nowhere_is_told_at_once(monkeypatch):
    started(monkeypatch, MASTER_ADDR="nowhere.invalid")
    with pytest.raises(InputError, match=r"^the 2 processes must find each other: "), join(2):
        pass


def test_two_runs_in_one_folder_take_turns(tmp_path, capsys):
    order = []

    def other():
        with processes.exclude_others(tmp_path):
            order.append("second")

    with processes.exclude_others(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        while "waiting" not in capsys.readouterr().err:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
