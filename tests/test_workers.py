"""Work in several processes: one that dies is told of, and none stays behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import active_children, current_process, get_context
from pathlib import Path
from types import SimpleNamespace

import pytest

from golden.errors import Difference, ToolError
from sim.proof import workers
from sim.proof.workers import in_processes

ROOT = Path(__file__).parents[1]


def work(what):
    if what == "die":
        os._exit(9)
    if what == "differ":
        raise Difference("image 3: a code")
    if what == "sleep":
        time.sleep(100)
    return what


def test_all_that_is_asked_for_comes_back():
    assert sorted(in_processes(work, [(n,) for n in range(5)], 2)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("die", ToolError, "^a process of the simulation was ended, perhaps for lack of memory$"),
        ("differ", Difference, "^image 3: a code$"),
    ],
)
def test_what_goes_wrong_in_a_process_ends_all_of_them(what, error, text):
    begin = time.monotonic()
    with pytest.raises(error, match=text):
        list(in_processes(work, [(what,), ("sleep",)], 2))
    assert time.monotonic() - begin < 60 and not active_children()


def die_in(name):
    if current_process().name == name:
        os._exit(9)
    time.sleep(100)


@pytest.mark.parametrize("which", [1, 2])
def test_each_process_is_watched_from_the_start(which):
    kind, number = get_context("spawn").Process().name.split("-")
    name = f"{kind}-{int(number) + which}"
    begin = time.monotonic()
    with pytest.raises(ToolError, match=r"^a process of the simulation was ended"):
        list(in_processes(die_in, [(name,), (name,)], 2))
    assert time.monotonic() - begin < 60 and not active_children()


def test_a_caller_that_stops_leaves_no_process():
    begin = time.monotonic()
    with closing(in_processes(work, [(1,), ("sleep",)], 2)) as results:
        assert next(results) == 1
    assert time.monotonic() - begin < 60 and not active_children()


SCRIPT = """
import sys
from multiprocessing import active_children
from sim.proof.workers import in_processes
from tests.test_workers import work
if __name__ == "__main__":
    for done in in_processes(work, [(0,), ("sleep",)], 2):
        print(*(child.pid for child in active_children()), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells of a parent's end")
def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "run.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "run.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        children = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert children
    until = time.monotonic() + 20
    while (alive := [n for n in children if runs(n)]) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive


def runs(number):
    """Whether a process of that number is there, and no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells of a parent's end")
def test_a_process_asks_for_its_end_with_its_parents_and_ends_if_that_has_ended(monkeypatch):
    asked, ended = [], []
    libc = SimpleNamespace(prctl=lambda *given: asked.append(given))
    monkeypatch.setattr(workers.ctypes, "CDLL", {None: libc}.get)
    monkeypatch.setattr(workers.os, "getppid", lambda: 123)
    monkeypatch.setattr(workers.os, "_exit", ended.append)
    workers.prepare(123)
    assert asked == [(1, signal.SIGKILL)] and not ended
    workers.prepare(124)
    assert ended == [1]


def test_processes_are_as_many_as_asked_for_spawned_and_deaf_to_the_terminal(monkeypatch):
    asked = []

    class Pool:
        def __init__(self, *given):
            asked.append(given)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def submit(self, function, *job):
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            asked.append((function, job, blocked & {signal.SIGINT, signal.SIGTERM}))
            return SimpleNamespace(result=lambda: job)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(workers, "as_completed", lambda chunks: chunks[::-1])
    assert list(in_processes("work", [(1, 2), (3,)], 7)) == [(3,), (1, 2)]
    (count, context, prepare, parent), *jobs, (idle, nothing, _) = asked
    assert (count, prepare, parent) == (2, workers.prepare, (os.getpid(),))
    assert (idle, nothing) == (int, ())
    assert context.get_start_method() == "spawn"
    assert jobs == [("work", (1, 2), {signal.SIGINT}), ("work", (3,), {signal.SIGINT})]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
