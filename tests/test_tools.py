"""Programs that we run: how they end is looked at, and what would steer them is left out."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from golden.errors import ToolError
from golden.tools import call, compiler, environment, plain_folder, plain_workplace
from sw.cli import endings


def script(folder, text):
    """Write a program for a shell and return its command."""
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exit 3", "tool failed with exit code 3: it says nothing; see LOG"),
        (
            "echo fine; echo '%Error:  no  such  net'; echo more; exit 1",
            "tool failed with exit code 1: %Error: no such net; see LOG",
        ),
        ("echo one; echo two; exit 1", "tool failed with exit code 1: two; see LOG"),
        ("kill -9 $$", "tool was ended by SIGKILL: it says nothing; see LOG"),
    ],
)
def test_a_tool_that_fails_is_one_line_that_names_its_log(tmp_path, text, told):
    log = tmp_path / "tool.log"
    with pytest.raises(ToolError, match=f"^{re.escape(told.replace('LOG', str(log)))}$"):
        call(script(tmp_path, text), log)


def test_a_tool_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ToolError, match=r"^nothing cannot be run: No such file or directory$"):
        call([str(tmp_path / "nothing")], tmp_path / "log")
    (tmp_path / "text").write_text("no program")
    with pytest.raises(ToolError, match=r"^text cannot be run: Permission denied$"):
        call([str(tmp_path / "text")], tmp_path / "log")


def test_a_tool_reads_nothing_and_writes_its_log(tmp_path):
    call(script(tmp_path, "cat; pwd; echo $THIS"), tmp_path / "log", folder=tmp_path,
         variables=environment(THIS="that"))  # fmt: skip
    assert (tmp_path / "log").read_text() == f"{tmp_path}\nthat\n"


def test_what_would_steer_a_tool_is_left_out(monkeypatch):
    for name in ("MAKEFLAGS", "VERILATOR_ROOT", "COCOTB_TEST_FILTER", "CXXFLAGS", "VL_THREADED"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("COCOTB_RANDOM_SEED", "7")
    monkeypatch.delenv("PATH")
    found = environment(MAKEFLAGS="ours")
    assert "theirs" not in found.values()
    assert (found["MAKEFLAGS"], found["COCOTB_RANDOM_SEED"]) == ("ours", "7")
    assert found["PATH"] == os.defpath


@pytest.mark.parametrize(
    ("text", "command"),
    [(None, ["c++"]), ("", ["c++"]), ("ccache g++", ["ccache", "g++"]), ("'my g++'", ["my g++"])],
)
def test_the_compiler_may_have_arguments(monkeypatch, text, command):
    monkeypatch.delenv("CXX", raising=False)
    if text is not None:
        monkeypatch.setenv("CXX", text)
    assert compiler() == command


def test_a_compiler_that_is_no_command_is_one_line(monkeypatch):
    monkeypatch.setenv("CXX", "g++ 'half")
    with pytest.raises(ToolError, match=r"^CXX must be a command, not \"g\+\+ 'half\""):
        compiler()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_a_tool_started_ends_with_us(tmp_path, number):
    command = script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    code = (
        "import sys; from pathlib import Path; from golden.tools import call\n"
        "from sw.cli import endings\n"
        f"with endings(): call({command!r}, Path({str(tmp_path / 'log')!r}))"
    )
    us = subprocess.Popen([sys.executable, "-c", code])
    child = tmp_path / "child"
    wait_for(lambda: child.exists() and child.read_text().strip())
    us.send_signal(number)
    assert us.wait(10) == 128 + number
    wait_for(lambda: not alive(int(child.read_text())))


def test_a_signal_that_is_ignored_ends_no_command():
    mine = lambda number, frame: None  # noqa: E731
    before = [signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGTERM, mine)]
    try:
        with endings():
            os.kill(os.getpid(), signal.SIGHUP)  # as under nohup
            assert signal.getsignal(signal.SIGTERM) is not mine
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        for number, handler in zip((signal.SIGHUP, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


def wait_for(happens, seconds=20):
    """Wait until something happens."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def alive(pid):
    """Whether a process runs; one that has ended and is not asked for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_plain_folders_stay_and_odd_ones_get_a_plain_path(tmp_path):
    odd = tmp_path / "my work [1], $x"
    odd.mkdir()
    (odd / "file").write_text("here")
    with plain_folder(tmp_path) as same, plain_folder(odd) as plain:
        assert same == tmp_path
        assert re.fullmatch(r"[\w./-]+", str(plain))
        assert (plain / "file").read_text() == "here"
    assert not plain.exists() and (odd / "file").exists()


def test_work_in_an_odd_folder_is_done_in_a_plain_one_and_copied_back(tmp_path):
    odd = tmp_path / "my work [1], $x"
    odd.mkdir()
    (odd / "given").write_text("here")
    link = tmp_path / "link"
    link.symlink_to(odd)
    with plain_workplace(tmp_path) as same:
        assert same == tmp_path
    for folder in (odd, link):
        with pytest.raises(KeyError), plain_workplace(folder) as place:
            assert re.fullmatch(r"[\w./-]+", str(place.resolve()))
            assert (place / "given").read_text() == "here"
            (place / "made").write_text(str(folder))
            raise KeyError
        assert not place.exists()
        assert (odd / "made").read_text() == str(folder)


def test_a_log_that_cannot_be_written_is_not_the_tools_fault(tmp_path):
    with pytest.raises(ToolError, match=rf"^{tmp_path} must be writable, for what true says: "):
        call(["true"], tmp_path)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("first", "ends"), [(signal.SIGINT, KeyboardInterrupt), (15, SystemExit)])
def test_a_second_signal_does_not_break_off_what_the_first_one_ends(first, second, ends):
    done = []
    with pytest.raises(ends), endings():
        try:
            os.kill(os.getpid(), first)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), second)
            time.sleep(0.01)
            done.append("cleaned")
    assert done == ["cleaned"]


def test_a_signal_ends_what_takes_too_long_to_end(monkeypatch):
    monkeypatch.setattr("sw.cli.PATIENCE", 0.0)
    with pytest.raises(KeyboardInterrupt), endings():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
