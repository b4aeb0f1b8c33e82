"""`thalweg train` and its like: what is told is done, said again in provenance, and bounded."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import sw.train.run
from golden.errors import InputError
from sw.cli import endings
from sw.cli.ablate import numbers_of
from sw.runs.interruption import Stopped, interruptions
from sw.train.bounds import SEEDS, require_within
from sw.train.options import BOUNDS, Options, spec_for
from sw.train.ship import command

ROOT = Path(__file__).parents[1]


RUNS = {
    "usual": Options(),
    "sizes": Options(name="x", batches=10, qat_batches=3, batch=4, seed=7, threads=2),
    "rates": Options(rate=0.5, qat_rate=0.25, averaging=0.5, optimiser="adam"),
    "loss": Options(loss="mse", supervise="every", teacher="mlp", noise=2.0, dropout=0.5),
    "bits": Options(weight_bits=5, plane_bits=4),
    "begin": Options(begin="digits"),
    "bare": Options(spec=spec_for("restore", False, multiplier=3)),
    "gate": Options(spec=spec_for("restore", start=2, every=4, mapping="phase4")),
    "memory": Options(
        recipe="memory",
        spec=spec_for("memory", start=5, every=2),
        hold_batches=9,
        hold_rate=0.5,
        motion=3.0,
    ),
    "letters": Options(recipe="letters", begin="digits", letters="letters-lower", rehearsal="none"),
}


@pytest.fixture
def told(monkeypatch):
    """What the command line asks training for."""
    runs = []
    monkeypatch.setattr(sw.train.run, "train", runs.append)
    return runs


@pytest.mark.parametrize("which", RUNS)
def test_the_command_on_record_repeats_the_run(thalweg, told, which):
    name, *words = shlex.split(command(RUNS[which]))
    assert name == "thalweg"
    assert thalweg(*words)[0] == 0
    assert told == [replace(RUNS[which], data=Path("data"))]


def test_the_command_on_record_says_what_is_not_usual():
    assert command(RUNS["usual"]) == "thalweg train --data data"
    assert command(RUNS["bare"]) == "thalweg train --data data --multiplier 3 --no-gate"
    assert command(RUNS["memory"]) == (
        "thalweg train --data data --recipe memory --hold-batches 9 --hold-rate 0.5 --motion 3.0 "
        "--start 5 --every 2"
    )


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"seed": 1 << 63},
            "seed must be at most 9,223,372,036,854,775,807, not 9223372036854775808",
        ),
        ({"threads": 10**6}, f"threads must be at most {BOUNDS['threads'].high}, not 1000000"),
        ({"batches": 10**30}, f"batches must be at most 1,000,000,000, not {10**30}"),
        ({"batches": 2.5}, "batches must be a whole number, not 2.5"),
        ({"batch": True}, "batch must be a whole number, not True"),
        ({"batch": 10**9}, "batch must be at most 65,536, not 1000000000"),
        ({"rate": float("nan")}, "rate must be above 0, not nan"),
        ({"rate": float("inf")}, "rate must be at most 1,000,000,000, not inf"),
        ({"rate": "fast"}, "rate must be a number, not 'fast'"),
        ({"motion": float("inf")}, "motion must be at most 1,000,000,000, not inf"),
        ({"noise": float("nan")}, "noise must be at least 0, not nan"),
        ({"damage": float("nan")}, "damage must be from 0 to below 1, not nan"),
        ({"averaging": float("inf")}, "averaging must be from 0 to below 1, not inf"),
        ({"name": "n" * 101}, f"name must be at most 100 bytes, not '{'n' * 101}'"),
        ({"name": "ä" * 51}, f"name must be at most 100 bytes, not '{'ä' * 51}'"),
        (
            {"recipe": "memory", "spec": spec_for("memory", every=101)},
            "the gate's period must be at most 100 steps, not 101",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_numbers_are_bounded_where_they_enter(values, text):
    with pytest.raises(InputError) as error:
        Options(**values)

    assert str(error.value) == text


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_may_be_reached(name):
    bound = BOUNDS[name]
    least = 1e-9 if bound.open else bound.low
    for value in (least, bound.high):
        require_within(name, value, bound)
    for value in (bound.low - 1, bound.high + 1 + bound.high * 1e-9 * (not bound.whole)):
        with pytest.raises(InputError, match=f"^{name} must be "):
            require_within(name, value, bound)
    if bound.open:
        with pytest.raises(InputError, match="above 0"):
            require_within(name, 0, bound)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ("train", "--seed", "9" * 20),
            f"seed must be at most 9,223,372,036,854,775,807, not {'9' * 20}",
        ),
        (("train", "--rate", "nan"), "rate must be above 0, not nan"),
        (("train", "--multiplier", "99"), "spec.multiplier must be an integer from 1 to 8, not 99"),
        (("train", "--start", "0"), "gate.start must be an integer from 1 to 65535, not 0"),
        (
            ("train", "--every", "9" * 30),
            f"gate.every must be an integer from 1 to 65535, not {'9' * 30}",
        ),
        (("baseline", "mlp", "--batches", "0"), "batches must be at least 1, not 0"),
        (("baseline", "mlp", "--batch", "9" * 9), "batch must be at most 65,536, not 999999999"),
        (("ablate", "--batches", "0"), "batches must be at least 1, not 0"),
        (
            ("ablate", "--seeds", "9" * 30),
            f"--seeds must be at most {SEEDS[-1]:,}, not '{'9' * 30}'",
        ),
        (("ablate", "--seeds", ""), "--seeds must not be empty"),
        (("ablate", "--seeds", ","), "--seeds must be numbers from 0 on, as in 0,1, not ','"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_command_line_says_so_in_one_line(fails, words, text):
    fails(text, *words)


def test_threads_of_a_baseline_are_bounded(fails):
    most = BOUNDS["threads"].high
    fails(f"threads must be at most {most}, not 1000000", "baseline", "mlp", "--threads", 10**6)


def test_an_empty_row_is_none(thalweg):
    assert thalweg("ablate", "--rows", "") == (2, "", "thalweg: --rows must not be empty\n")
    code, _, err = thalweg("ablate", "--rows", "base,")
    assert code == 2
    assert err.startswith("thalweg: Row must be one of base, ") and err.endswith(", not ''\n")


def test_seeds_are_taken_once_and_in_order():
    assert numbers_of("3,1,3,0,01") == [3, 1, 0]
    assert numbers_of(str(SEEDS[-1])) == [SEEDS[-1]]


# Signals, and threads that wait.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_noted_and_handlers_come_back(number, capsys):
    before = signal.getsignal(number)
    handler = lambda *given: None  # noqa: E731
    signal.signal(number, handler)
    try:
        with pytest.raises(SystemExit) as stop, interruptions() as received:
            os.kill(os.getpid(), number)
            assert received == [number]
            raise Stopped(received[0])
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    assert stop.value.code == 128 + number
    assert "the same command goes on from here" in capsys.readouterr().err


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with endings(), interruptions() as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_training_may_run_beside_the_main_thread():
    found = []

    def work():
        with interruptions() as received:
            found.append(received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[]]


@pytest.mark.parametrize(("given", "wanted"), [(None, "PASSIVE"), ("active", "active")])
def test_threads_that_wait_sleep_unless_told(given, wanted):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({"OMP_WAIT_POLICY": given} if given else {})
    script = "import os, sys, sw.cli; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == f"False {wanted}\n", "before PyTorch is there"
