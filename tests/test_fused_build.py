"""The fused step's library: built once, checked before it is believed, and done without."""

import _ctypes
import threading
from dataclasses import replace

import pytest
import torch

from golden import library
from golden.native import build
from sw.model import fused
from sw.model.fused import STEP
from tests.test_fused import SPECS, leaves, states_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def silent(monkeypatch):
    """Nothing said yet, nothing loaded yet."""
    monkeypatch.setattr(fused, "told", set())
    build.attempt.cache_clear()
    yield
    build.attempt.cache_clear()


def falls_back(spec, capsys, reason, before=""):
    weights, states = leaves(spec, True), states_of(spec)
    for _ in range(2):
        assert torch.equal(weights.step(states), weights.plain_step(states))
    said = capsys.readouterr().err
    assert said == f"{before}plain torch runs the training step, not the fused one: {reason}\n"


def test_plain_torch_serves_without_compiler(silent, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "no-such-compiler")
    falls_back(SPECS["small"], capsys, "no C++ compiler on PATH")


def test_plain_torch_serves_where_compiling_fails(silent, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = compiler_at(tmp_path, monkeypatch, "echo 'step.cpp:1: error: no' >&2; exit 1")
    log = next_log(tmp_path, SPECS["small"])
    falls_back(
        SPECS["small"],
        capsys,
        f"c++ failed with exit code 1: step.cpp:1: error: no; see {log}",
        before="building the fused training step (some seconds, once)\n",
    )
    assert calls.read_text().count("-shared") == 1, "it is not asked at every step"
    assert log.exists() and not list(log.parent.glob("*.so"))


def compiler_at(folder, monkeypatch, script):
    """Put a compiler that does as the script says on PATH; return the list of its calls."""
    calls = folder / "calls"
    (folder / "c++").write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{script}\n')
    (folder / "c++").chmod(0o755)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def next_log(folder, spec):
    """Return the log of a library that is built with what is on PATH now."""
    path = STEP.place(spec.channels, spec.multiplier).with_suffix(".log")
    assert path.parent == folder / "thalweg" / "fused"
    return path


def test_plain_torch_serves_a_user_without_home(silent, monkeypatch, capsys):
    def homeless(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("pooch.os_cache", homeless)
    falls_back(
        SPECS["small"],
        capsys,
        "there is no folder for cached files: HOME or XDG_CACHE_HOME must name one",
    )


def test_plain_torch_serves_where_nothing_can_be_kept(silent, monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    falls_back(
        SPECS["small"],
        capsys,
        f"{tmp_path}/file/thalweg/fused must be a writable folder: Not a directory",
    )


def test_compiler_may_have_arguments(silent, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "wrapper").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "wrapper").chmod(0o755)
    monkeypatch.setenv("CXX", f"{tmp_path / 'wrapper'} c++ -O0")
    monkeypatch.setenv("CXXFLAGS", "--no-such-flag")
    assert build.library(STEP, 1, 1).thalweg_threads(1) == 1


@pytest.mark.parametrize("damage", ["truncated", "another", "unstamped"])
def test_a_damaged_library_is_built_anew(silent, monkeypatch, capsys, tmp_path, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", ("-std=c++17", "-O0", "-fPIC", "-shared", "-Wno-psabi"))
    build.library(STEP, 1, 1)
    build.attempt.cache_clear()
    (path,) = (tmp_path / "thalweg" / "fused").glob("*.so")
    raw = path.read_bytes()
    path.unlink()  # it is mapped: what follows is another file
    path.write_bytes({"truncated": raw[: len(raw) // 2], "another": raw[::-1]}.get(damage, raw))
    if damage == "unstamped":
        library.stamp(path).unlink()
    assert build.library(STEP, 1, 1).thalweg_threads(1) == 1
    assert capsys.readouterr().err.count("building") == 2
    assert library.is_whole(path)


def test_a_second_process_waits_for_the_one_that_builds(silent, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", ("-std=c++17", "-O0", "-fPIC", "-shared", "-Wno-psabi"))
    waits, say = threading.Event(), build.say
    monkeypatch.setattr(build, "say", lambda text: (say(text), waits.set()))
    second = threading.Thread(target=build.library, args=(STEP, 1, 1))
    with library.lock(build.cache_folder("fused")):  # as the first does
        second.start()
        assert waits.wait(20)
    second.join(20)

    assert build.library(STEP, 1, 1).thalweg_threads(1) == 1
    said = capsys.readouterr().err
    assert said.startswith("waiting for another process that builds the fused training step\n")
    assert said.count("building") == 1


def test_plain_torch_serves_when_told_to(silent, monkeypatch, capsys):
    monkeypatch.setenv("THALWEG_FUSED", "0")
    falls_back(SPECS["small"], capsys, "with THALWEG_FUSED=0")


def test_plain_torch_serves_another_boundary(silent, capsys):
    falls_back(replace(SPECS["small"], boundary="wrap"), capsys, "for the boundary 'wrap'")


def test_library_is_built_once_and_says_so(silent, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        build.library(STEP, 1, 1)
        build.attempt.cache_clear()

    said = capsys.readouterr().err
    assert said == "building the fused training step (some seconds, once)\n"
    made = sorted(path.suffix for path in (tmp_path / "thalweg" / "fused").iterdir())
    assert made == [".sha256", ".so"]


@pytest.mark.parametrize("made", [":", ': > "$o"', 'echo no library > "$o"', 'cp "$LIB" "$o"'])
def test_a_compiler_that_makes_nothing_of_ours_is_not_believed(silent, monkeypatch, tmp_path, made):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = tmp_path / "cxx"
    names = f'for o; do :; done\n[ "$o" = --version ] && exit\nLIB={_ctypes.__file__}'
    script.write_text(f"#!/bin/sh\n{names}\n{made}\n")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(build.Unavailable, match=r"(cannot be loaded|must be a readable file)"):
        build.library(STEP, 1, 1)
    assert not list((tmp_path / "thalweg" / "fused").glob("*.so"))
