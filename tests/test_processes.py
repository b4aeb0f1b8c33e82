import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from golden.errors import InputError
from sw.train.processes import joined

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


def test_rejects_batch_that_cannot_be_shared(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError) as error, joined(32):
        pass

    assert str(error.value) == "batch must be a multiple of the 3 processes, not 32"
