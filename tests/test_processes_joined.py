"""Processes that join, meet and part: what torch.distributed is asked, and in which order."""

import signal
import socket
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from golden.errors import InputError
from sw.runs import checkpoint, interruption, processes
from sw.runs.processes import (
    exclude_others,
    gather_signals,
    join,
    leads,
    meet,
    mortal,
    place,
    share,
    world_size,
)
from sw.train import recipes, run
from sw.train.learner import begin
from sw.train.options import Options
from tests.test_processes import started

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Group:
    """Stands in for torch.distributed: process ``rank`` of ``count``; notes what it is asked."""

    def __init__(self, rank=0, count=2, up=False):
        self.rank, self.count, self.up, self.asked = rank, count, up, []

    def init_process_group(self, backend):
        self.asked.append((backend, [signal.getsignal(number) for number in ENDS]))
        self.up = True

    def destroy_process_group(self):
        self.asked.append("parted")
        self.up = False

    def is_initialized(self):
        return self.up

    def get_rank(self):
        return self.rank

    def get_world_size(self):
        return self.count

    def barrier(self):
        self.asked.append("met")


@pytest.fixture
def group(monkeypatch):
    """Have ``processes`` talk to a group; return what makes it."""

    def make(*given, **named):
        made = Group(*given, **named)
        monkeypatch.setattr(processes, "distributed", made)
        return made

    return make


@pytest.mark.parametrize("fails", [False, True])
def test_processes_join_before_the_work_and_part_after_it(monkeypatch, group, capsys, fails):
    started(monkeypatch, RANK="1", MASTER_ADDR="somewhere")
    addresses = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given: addresses.append(given))
    made = group(1, 2)
    handler = signal.signal(signal.SIGTERM, lambda *given: None)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        try:
            with join(6):
                assert place() == (1, 2) and not leads()
                assert signal.getsignal(signal.SIGTERM) is mine
                if fails:
                    raise KeyError
        except KeyError:
            assert fails
    finally:
        signal.signal(signal.SIGTERM, handler)

    (backend, handlers), parted = made.asked
    assert (backend, parted) == ("gloo", "parted")
    assert handlers[0] == signal.SIG_DFL, "while PyTorch waits a signal ends the process"
    assert addresses == [("somewhere", None)]
    assert capsys.readouterr().err == "waiting for all 2 processes\n"


@pytest.mark.parametrize("error", [RuntimeError("no"), ValueError("no"), OSError("no")])
def test_processes_that_do_not_find_each_other_are_told_so(monkeypatch, group, error):
    started(monkeypatch)
    made = group()

    def fail(backend):
        raise error

    made.init_process_group = fail
    with pytest.raises(InputError, match=r"^the 2 processes must find each other: no$"), join(2):
        pass
    assert made.asked == [], "there is nothing to part from"


def test_signals_end_a_process_that_waits_and_handlers_come_back():
    def handler(*given):
        """Note nothing."""

    before = [signal.getsignal(number) for number in ENDS]
    try:
        signal.signal(signal.SIGTERM, handler)
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with pytest.raises(KeyError), mortal():
            found = [signal.getsignal(number) for number in ENDS]
            raise KeyError
        after = [signal.getsignal(number) for number in ENDS]
    finally:
        for number, old in zip(ENDS, before, strict=True):
            signal.signal(number, old)
    assert found == [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN]
    assert after == [handler, handler, signal.SIG_IGN]


def test_beside_the_main_thread_signals_are_left_alone(monkeypatch):
    passed = []

    def work():
        monkeypatch.setattr(signal, "signal", None)
        with mortal():
            passed.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert passed == [True]


@pytest.mark.parametrize("count", ["2", "4096"])
def test_as_many_processes_as_torchrun_says(monkeypatch, count):
    started(monkeypatch, WORLD_SIZE=f" {count} ", RANK=str(int(count) - 1), MASTER_PORT="65535")
    assert world_size() == int(count)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"WORLD_SIZE": "4097"}, "WORLD_SIZE must be a number of processes up to 4096"),
        ({"MASTER_PORT": "0"}, "MASTER_PORT must be from 1 to 65535, not '0'"),
        ({"MASTER_PORT": "65536"}, "MASTER_PORT must be from 1 to 65535, not '65536'"),
        ({"RANK": "-1"}, "RANK must be from 0 to 1, not '-1'"),
        ({"MASTER_ADDR": None}, "WORLD_SIZE is 2, but MASTER_ADDR not set"),
    ],
)
def test_what_torchrun_sets_lies_in_its_bounds(monkeypatch, values, text):
    started(monkeypatch, **values)
    with pytest.raises(InputError, match=f"^{text}"):
        world_size()


@pytest.mark.parametrize(("batch", "fits"), [(6, True), (3, True), (2, False), (4, False)])
def test_a_batch_is_a_multiple_of_the_processes(monkeypatch, group, batch, fits):
    started(monkeypatch, WORLD_SIZE="3")
    group(0, 3)
    if fits:
        with join(batch):
            pass
        return
    with pytest.raises(InputError, match=r"^batch must be a multiple of the 3 processes, not"):
        with join(batch):
            pass


@pytest.mark.parametrize(("count", "asked"), [(1, []), (2, ["met"])])
def test_all_wait_for_each_other_where_there_are_several(group, count, asked):
    made = group(0, count, up=True)
    meet()
    assert made.asked == asked


def test_one_process_keeps_the_folder_and_the_others_enter_after_it(monkeypatch, group, tmp_path):
    order = []
    monkeypatch.setattr(processes, "meet", lambda: order.append("met"))

    class Lock:
        def __init__(self, folder, waits):
            order.append(("lock", folder))

        def __enter__(self):
            pass

        def __exit__(self, *given):
            order.append("left")

    monkeypatch.setattr(processes, "lock", Lock)
    for rank in (0, 1):
        group(rank, 2, up=True)
        with exclude_others(tmp_path):
            order.append("work")
    assert order == [("lock", tmp_path), "met", "work", "left", "met", "work"]


def test_parts_of_a_batch_are_disjoint_and_whole(group):
    parts = []
    for rank in range(3):
        group(rank, 3, up=True)
        parts.append(share(torch.arange(6)))
    assert torch.cat(parts).tolist() == list(range(6))
    group(0, 1, up=True)
    assert share(torch.arange(6)).tolist() == list(range(6))


def test_one_process_is_told_what_it_received(group):
    made, received = group(0, 1, up=True), [15, 2]
    assert gather_signals(received) is received and made.asked == []


def test_the_largest_signal_of_several_is_told(monkeypatch, group):
    made = group(0, 2, up=True)
    made.ReduceOp = SimpleNamespace(MAX="largest")
    made.all_reduce = lambda number, how: made.asked.append((int(number), how))
    assert gather_signals([2, 15]) == [15]
    assert made.asked == [(15, "largest")]


# What only the first process does.


def test_the_first_process_alone_writes_a_checkpoint(monkeypatch, tmp_path):
    found = begin(Options())
    written = []
    monkeypatch.setattr(checkpoint, "write", lambda values, path: written.append(path))
    for leading in (False, True):
        monkeypatch.setattr(checkpoint, "leads", lambda leading=leading: leading)
        run.save(found, checkpoint.Checkpoint(tmp_path / str(leading), "data"))
    assert written == [tmp_path / "True"]


def test_the_first_process_alone_says_that_a_run_stopped(monkeypatch, capsys):
    for leading in (False, True):
        monkeypatch.setattr(interruption, "leads", lambda leading=leading: leading)
        with pytest.raises(SystemExit), interruption.interruptions():
            raise interruption.Stopped(15)
        said = "stopped by signal 15; the same command goes on from here\n"
        assert capsys.readouterr().err == said * leading


@pytest.mark.parametrize(("count", "refused"), [(1, False), (2, True)])
def test_a_pool_is_of_one_process(monkeypatch, tmp_path, count, refused):
    monkeypatch.setattr(recipes, "place", lambda: (0, count))
    monkeypatch.setattr(run, "prepare", lambda options: None)
    monkeypatch.setattr(recipes, "load", lambda *given, **named: sys.exit(5))
    memory = Options(recipe="memory", output=tmp_path)
    if not refused:
        with pytest.raises(SystemExit):
            run.run(memory)
        return
    with pytest.raises(InputError, match=r"^recipe memory must run in one process: its pool is"):
        run.run(memory)
    with pytest.raises(SystemExit):
        run.run(Options(output=tmp_path))
