"""What all verbs share: devices, progress, errors, streams, and how a command begins and ends."""

import io
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import sw.cli
from golden.device import GoldenDevice
from golden.errors import InputError
from golden.files import ROOT
from golden.samples import calibrated
from golden.spec import Spec
from sw.cli import common, complain, explain, open_streams, ours, require_words
from tests.recorded import Calls


@pytest.fixture
def calls():
    return Calls()


def test_each_device_is_opened_by_its_name(monkeypatch, calls):
    skeleton = calibrated(Spec(height=4, width=4, image=4), np.random.default_rng(0))
    monkeypatch.setitem(
        sys.modules,
        "sim.devices.device",
        SimpleNamespace(SimulatedDevice=calls.fake("chip", "a chip")),
    )
    monkeypatch.setattr("sw.serial.device.open_serial", calls.fake("serial", "a board"))
    golden = common.open_device("golden", (skeleton,))
    assert isinstance(golden, GoldenDevice) and golden.skeletons == (skeleton,)
    assert common.open_device("simulated", ("s",)) == "a chip"
    assert common.open_device("simulated", ("s",), 2) == "a chip"
    assert common.open_device("serial:/dev/serial:0", ("s",)) == "a board"
    assert common.open_device("serial:COM3", ("s", "t"), baud=9600) == "a board"
    common.require_device("serial:a\nb", 1)
    assert calls == [
        ("chip", (("s",),), {"filters": 5}),
        ("chip", (("s",),), {"filters": 2}),
        ("serial", ("/dev/serial:0", ("s",), 3_000_000), {}),
        ("serial", ("COM3", ("s", "t"), 9600), {}),
    ]


@pytest.mark.parametrize("name", ["", "serial", "serial:", "Golden", "xserial:a", "simulated "])
def test_other_names_are_no_device(name):
    text = f"--device must be golden, simulated or serial:PORT, not {name!r}"
    with pytest.raises(InputError) as error:
        common.open_device(name, ())
    assert str(error.value) == text


@pytest.mark.parametrize("filters", [0, -1, 17])
@pytest.mark.parametrize("name", ["golden", "simulated", "serial:x"])
def test_other_filters_are_those_of_no_device(name, filters):
    with pytest.raises(InputError, match=f"^--filters must be 1 to 16, not {filters}$"):
        common.open_device(name, (), filters)


def test_a_report_names_the_filters_of_the_simulated_chip_alone():
    assert common.device_facts("golden", 2) == {"device": "golden"}
    assert common.device_facts("serial:x", 2) == {"device": "serial:x"}
    assert common.device_facts("simulated", 2) == {"device": "simulated", "filters": 2}


def test_boards_without_their_package_are_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "hw.boards.catalogue", None)
    with pytest.raises(InputError, match=r"^--board needs amaranth-boards: "):
        common.find_named_board("ulx3s-25f")


class Bar:
    """What rich shows, noted."""

    def __init__(self, *columns, **options):
        self.options, self.updates = options, []
        Bar.made = self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.ended = True

    def add_task(self, label, **options):
        self.task = (label, options)
        return 7

    def update(self, task, **options):
        self.updates.append((task, options))


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_moves_by_what_is_done_and_tells_the_rate_of_all(monkeypatch, terminal):
    monkeypatch.setattr("rich.progress.Progress", Bar)
    screen = SimpleNamespace(is_terminal=terminal)
    monkeypatch.setattr(common, "console", lambda *, stderr: screen if stderr else None)
    now = iter([100.0, 102.0, 110.0, 100.0])
    monkeypatch.setattr(common.time, "monotonic", lambda: next(now))
    with common.progress("restoring", 30) as advance:
        for done in (5, 10):
            advance(done)
    found = Bar.made
    assert found.options == {"console": screen, "transient": True, "disable": not terminal}
    assert found.task == ("restoring", {"total": 30, "rate": ""})
    assert found.updates == [
        (7, {"advance": 5, "rate": "2.5 a second"}),
        (7, {"advance": 10, "rate": "1.5 a second"}),
    ]
    with common.progress("x", 1) as advance:
        monkeypatch.setattr(common.time, "monotonic", lambda: 100.0)
        advance(1)  # at once: no division by 0
    assert Bar.made.updates == [(7, {"advance": 1, "rate": "1000.0 a second"})]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("",), "an argument"),
        (("restore", ""), "an argument"),
        (("--output", ""), "--output"),
        (("x", "--output="), "--output"),
        (("--invert", "x", ""), "an argument"),
    ],
)
def test_an_empty_word_is_named_by_what_it_is_for(words, name):
    with pytest.raises(InputError, match=f"^{name} must not be empty$"):
        require_words(list(words))
    require_words(["restore", "x=", "--output=y", "--a-b", "="])


def test_a_line_is_cut_in_its_middle_and_has_no_breaks(capsys):
    assert complain("a \n\t b") == 2 and complain("x" * 2000, 1) == 1
    assert complain("a" * 1500 + "b" * 1500, 3) == 3
    told = ["a b", "x" * 2000, f"{'a' * 1000} … {'b' * 1000}"]
    assert capsys.readouterr().err == "".join(f"thalweg: {text}\n" for text in told)


def test_an_error_of_a_file_names_it(capsys):
    assert explain(OSError(2, "No such file", b"/x/y")) == 2
    assert capsys.readouterr().err == "thalweg: /x/y: No such file\n"


def test_who_has_read_enough_gets_no_more_and_1_is_the_code(monkeypatch, calls, capsys):
    monkeypatch.setattr(sw.cli.os, "open", calls.fake("open", 9))
    monkeypatch.setattr(sw.cli.os, "dup2", calls.fake("dup2"))
    assert explain(BrokenPipeError(32, "Broken pipe")) == 1
    assert calls.of("dup2") == ((9, 1), {})
    assert calls.of("open")[0] == (sw.cli.os.devnull, sw.cli.os.O_WRONLY)
    assert tuple(capsys.readouterr()) == ("", "")


@pytest.mark.parametrize(
    ("gives", "code"),
    [(None, 0), (3, 3), ("text", 0), (KeyboardInterrupt(), 130), (SystemExit(143), 143)],
)
def test_a_command_ends_with_its_code(thalweg, monkeypatch, gives, code):
    def app(*, standalone_mode):
        assert standalone_mode is False
        if isinstance(gives, BaseException):
            raise gives
        return gives

    monkeypatch.setattr(sw.cli, "app", app)
    assert thalweg("x") == (code, "", "")


def test_streams_that_are_closed_lead_nowhere(monkeypatch, calls):
    numbers = iter([1, 2, 3])
    monkeypatch.setattr(sw.cli.os, "open", lambda *given: calls.append(given) or next(numbers))
    monkeypatch.setattr(sw.cli.os, "set_inheritable", lambda *given: calls.append(given))
    monkeypatch.setattr(sw.cli.os, "close", lambda number: calls.append((number,)))
    monkeypatch.setattr(sys, "stdout", None)
    error = io.StringIO()
    monkeypatch.setattr(sys, "stderr", error)
    opened = io.StringIO()
    monkeypatch.setattr("builtins.open", lambda *given, **options: opened)
    open_streams()
    null = (sw.cli.os.devnull, sw.cli.os.O_RDWR)
    assert calls == [null, (1, True), null, (2, True), null, (3,)]
    assert (sys.stdout, sys.stderr) == (opened, error)


def test_python_m_is_the_command(monkeypatch, calls):
    monkeypatch.setattr(sw.cli, "main", calls.fake("main"))
    runpy.run_module("sw.cli", run_name="__main__")
    assert calls == [("main", (), {})]


def test_packages_of_another_end_the_command_with_2(monkeypatch, capsys, tmp_path):
    found = SimpleNamespace(submodule_search_locations=[tmp_path / "golden"], origin=None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(ours.__file__)
    root = Path(ours.__file__).parents[2]
    text = f"the package 'golden' must be {root / 'golden'}, not {tmp_path / 'golden'}"
    assert stop.value.code == 2
    assert tuple(capsys.readouterr()) == ("", f"thalweg: {text}: see PYTHONPATH\n")


@pytest.mark.parametrize(("later", "ends"), [(0.1, False), (4.9, False), (5.1, True)])
def test_signals_are_passed_over_for_five_seconds_after_one(monkeypatch, later, ends):
    now, done = [0.2], []
    monkeypatch.setattr(sw.cli.time, "monotonic", lambda: now[0])
    with pytest.raises(SystemExit) as stop, sw.cli.endings():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            now[0] += later
            signal.raise_signal(signal.SIGHUP)
            done.append("cleaned")
    assert (stop.value.code, done) == ((128 + 1, []) if ends else (128 + 15, ["cleaned"]))


def test_the_command_line_starts_without_heavy_libraries():
    script = "import sys, sw.cli; print(*{'numpy', 'torch', 'amaranth'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")
