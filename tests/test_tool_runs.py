"""Programs that we run: their folder, environment, signals, log, and what is told of their end."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from golden.errors import ToolError
from golden.tools import (
    call,
    complaint,
    ending,
    environment,
    plain_folder,
    plain_workplace,
    processor,
    signals_held,
)
from tests.test_tools import alive, script, wait_for


def test_a_plain_folder_is_made_where_the_path_to_it_is_plain(tmp_path, monkeypatch):
    odd, plain = tmp_path / "an odd one", tmp_path / "plain"
    link = tmp_path / "link"
    odd.mkdir()
    plain.mkdir()
    link.symlink_to(odd)
    for temporary, place in ((plain, plain), (odd, Path("/tmp")), (link, Path("/tmp"))):
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        with plain_folder(odd) as found:
            assert found.parent.parent == place.resolve()
        with plain_workplace(odd) as found:
            assert found.parent == place.resolve()


def test_a_plain_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    odd = tmp_path / "an odd one"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    text = f"{tmp_path}/none must be a writable folder: No such file or directory"
    with pytest.raises(ToolError, match=f"^{re.escape(text)}$"):
        plain_folder(odd).__enter__()
    monkeypatch.setattr("golden.tools.ODD", re.compile("/"))
    text = f"TMPDIR must name a folder without spaces, since {odd} has some"
    with pytest.raises(ToolError, match=f"^{re.escape(text)}$"):
        plain_workplace(odd).__enter__()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vendor: x\nflags\t: sse avx\nflags\t: other\n", "flags\t: sse avx"),
        ("processor: 0\nFeatures\t: neon\n", "Features\t: neon"),
        ("nothing\n", ""),
        (None, "its name"),
    ],
)
def test_a_processor_is_named_by_its_instructions(monkeypatch, text, told):
    def read(path, **options):
        assert str(path) == "/proc/cpuinfo"
        if text is None:
            raise FileNotFoundError
        return text

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr("platform.processor", lambda: "its name")
    monkeypatch.setattr("platform.machine", lambda: "kind ")
    assert processor() == "kind " + told


def test_a_tool_gets_our_environment_without_what_steers_it_or_just_what_is_given(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("MAKEFLAGS", "theirs")
    monkeypatch.setenv("MINE", "mine")
    command, log = script(tmp_path, "echo $MAKEFLAGS $MINE; echo wrong >&2"), tmp_path / "log"
    log.write_text("of the last run\n" * 9)
    call(command, log)
    assert log.read_text() == "mine\nwrong\n"
    call(command, log, variables={"MAKEFLAGS": "ours"})
    assert log.read_text() == "ours\nwrong\n"


def test_a_tool_has_the_name_that_its_caller_gives_it(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(ToolError, match=r"^the synthesis failed with exit code 1: it says "):
        call(script(tmp_path, "exit 1"), log, name="the synthesis")
    with pytest.raises(ToolError, match=r"^the synthesis cannot be run: No such file"):
        call([str(tmp_path / "none")], log, name="the synthesis")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"one\nwrite: No space left on device\nlast\n", "write: No space left on device"),
        (b"one\n fatal ERROR: x\nan error: y\n", "fatal ERROR: x"),
        (b"1/1: \\error\nERROR: x\nERROR: y\n", "ERROR: x"),
        (b"\xff one\n\n  \n", "\ufffd one"),
        (b"x" * 500, "x" * 300),
        (b" \n\n", "it says nothing"),
        (None, "its log cannot be read"),
    ],
)
def test_the_first_complaint_of_a_log_is_told(tmp_path, text, told):
    log = tmp_path / "log"
    if text is not None:
        log.write_bytes(text)
    assert complaint(log) == told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "failed with exit code 1"),
        (139, "failed with exit code 139"),
        (-11, "was ended by SIGSEGV"),
        (-200, "was ended by signal 200"),
    ],
)
def test_how_a_tool_ended_is_told(code, told):
    assert ending(code) == told


def test_an_interrupt_ends_what_a_tool_started(tmp_path, monkeypatch):
    child, wait, waits = tmp_path / "child", subprocess.Popen.wait, []

    def interrupted(process, *arguments, **options):
        waits.append(process)
        if len(waits) == 1:
            wait_for(lambda: child.exists() and child.read_text().strip())
            raise KeyboardInterrupt
        return wait(process, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(script(tmp_path, f"sleep 60 & echo $! > {child}; wait"), tmp_path / "log")
    assert waits[0].returncode == -signal.SIGKILL, "it is waited for, too"
    wait_for(lambda: not alive(int(child.read_text())))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_held_comes_after_the_block(number):
    received, before = [], signal.getsignal(number)
    mine = lambda number, frame: received.append(number)  # noqa: E731
    signal.signal(number, mine)
    try:
        with signals_held():
            os.kill(os.getpid(), number)
            assert received == []
        assert received == [number] and signal.getsignal(number) is mine
        signal.signal(number, signal.SIG_IGN)
        with signals_held():
            assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_tool_runs_in_any_thread(tmp_path):
    log = tmp_path / "log"
    thread = threading.Thread(target=call, args=(script(tmp_path, "echo done"), log))
    thread.start()
    thread.join(20)
    assert log.read_text() == "done\n"


STEERING = """
GPI_X PYGPI_X PYTEST_X YOSYS_X ABC_X CFG_X VM_X OPT_X USER_X MAKEX COCOTB_RANDOM_SEEDS
MFLAGS GNUMAKEFLAGS VPATH TARGET_ARCH OUTPUT_OPTION LOADLIBES LDLIBS CFLAGS CXXFLAGS CPPFLAGS
LDFLAGS GUI TOPLEVEL TOPLEVEL_LANG MODULE TESTCASE PYTHONWARNINGS PYTHONINSPECT PYTHONOPTIMIZE
GCC_EXEC_PREFIX
"""


@pytest.mark.parametrize("name", STEERING.split())
def test_a_variable_that_steers_a_tool_is_left_out(monkeypatch, name):
    monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv(f"MY_{name}", "mine")
    monkeypatch.setenv("COCOTB_LOG_LEVEL", "INFO")
    found = environment()
    assert name not in found and found["COCOTB_LOG_LEVEL"] == "INFO"
    assert found[f"MY_{name}"] == "mine"
